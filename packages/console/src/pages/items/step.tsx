/** One step of a journey: a line for what everybody looks for, the rest folded behind it. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Badge } from "../../ui/badge.tsx";
import { Text, Time } from "../../ui/values.tsx";
import type { Vendors } from "../../verify/use-vendors.ts";
import { VendorName } from "../../verify/vendor-name.tsx";
import {
  findStepConcerns,
  isConcern,
  isFailure,
  nameAgreement,
  nameDisposition,
  nameFlag,
  nameStep,
} from "../../words/steps.ts";
import { Place } from "./place.tsx";
import { placeName } from "./places.ts";
import { StepDetails } from "./step-details.tsx";

export function stepId({ capture, event }: Pick<TracedEvent, "capture" | "event">): string {
  return `step-${capture.slice(0, 16)}-${event.index}`;
}

/** Clocks differ: what is recorded a minute before it is said to have happened says nothing. */
const CLOCK_MS = 60_000;

interface Props {
  readonly traced: TracedEvent;
  /** As it was signed, or empty. */
  readonly source: string;
  readonly vendors: Vendors;
  /** Of the page's item. */
  readonly identity: string;
  readonly isOwn: boolean;
  /** When the other side says it took over what this step handed over. */
  readonly receivedMs: number | undefined;
}

/** Unfolded from the start where there is something to mind. */
export function Step({ traced, source, vendors, identity, isOwn, receivedMs }: Props): ReactNode {
  const { item } = useStrings();
  const { event, captor, isRetracted, flags, log, recordedMs } = traced;
  const eventMs = Date.parse(event.eventTime);
  const isEarly = eventMs - recordedMs > CLOCK_MS;
  const hasFailed = isFailure(event.disposition);
  const isMinded = isEarly || hasFailed || findStepConcerns(identity, traced).length > 0;
  const disposition = nameDisposition(item, event.disposition);
  const nameAgreed = (flag: string): string =>
    flag === "handedOver" && receivedMs !== undefined ? item.handedOverDone : nameAgreement(item, flag);
  const tone = isRetracted ? "retracted" : isMinded ? "minded" : isOwn ? "" : "far";
  return (
    <li className={`step ${tone}`} id={stepId(traced)}>
      <h3>{isRetracted ? <s>{nameStep(item, event)}</s> : <Text value={nameStep(item, event)} />}</h3>
      <div className="step-line">
        <p className="said">
          <VendorName vendor={captor} vendors={vendors} />
          {placeName(event) === null ? null : (
            <>
              {" · "}
              <Place event={event} />
            </>
          )}
          {" · "}
          <Time ms={eventMs} isShort />{" "}
          <span className="tick" title={item.proven}>
            ✓<span className="visually-hidden"> {item.proven}</span>
          </span>
        </p>
        {disposition === undefined ? null : (
          <Badge tone={hasFailed ? "bad" : "plain"}>
            <Text value={disposition} lengthMax={60} />
          </Badge>
        )}
        {isRetracted ? <Badge tone="warn">{item.retracted}</Badge> : null}
        {log === "observation" ? <Badge tone="warn">{item.observation}</Badge> : null}
        {isEarly ? <Badge tone="warn">{item.early}</Badge> : null}
        {flags.map((flag) =>
          isConcern(flag) ? (
            <span key={flag} className="concern">
              {nameFlag(item, flag)}
            </span>
          ) : (
            <span
              key={flag}
              className="agreement"
              title={receivedMs === undefined ? nameFlag(item, flag) : undefined}
            >
              {nameAgreed(flag)}
            </span>
          ),
        )}
      </div>
      <StepDetails
        traced={traced}
        source={source}
        identity={identity}
        isOwn={isOwn}
        isOpen={isMinded || isRetracted}
        receivedMs={receivedMs}
      />
    </li>
  );
}
