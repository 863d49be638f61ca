/** The verdict on a trace in plain words: nothing is green before the check has run, and what fails says so. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { UseQueryResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { queryClient } from "../node/client.ts";
import { useStrings } from "../strings/strings.tsx";
import { Button } from "../ui/button.tsx";
import { fileName, saveFile } from "../ui/save-file.ts";
import { Failure } from "../ui/states.tsx";
import { Hex, Text, Time } from "../ui/values.tsx";
import { nameStep } from "../words/steps.ts";
import type { FaultyStep, TraceProof, TraceRefusal } from "./messages.ts";
import { keepPin, type PinState } from "./pin.ts";
import { PinLine } from "./pin-line.tsx";
import { isUnreachable, type TraceAnswer } from "./use-trace.ts";
import type { Vendors } from "./use-vendors.ts";
import { VendorName } from "./vendor-name.tsx";
import "./verdict.css";

interface Props {
  readonly answer: UseQueryResult<TraceAnswer>;
  readonly vendors: Vendors;
  /** What else makes the verdict amber, a sentence each. */
  readonly concerns?: readonly string[];
  /** The words of the page for a proof that holds without anything to mind. */
  readonly headline?: string;
  /** The page offers the proof itself. */
  readonly hidesDownload?: boolean;
}

export function VerdictPanel({ answer, ...rest }: Props): ReactNode {
  const { verdict } = useStrings();
  const { data, error, isPending } = answer;
  const retry = (): void => {
    void answer.refetch();
  };
  if (data === undefined) {
    if (isPending && error === null) return <Checking />;
    if (error instanceof LhgError && error.code.startsWith("identity."))
      return (
        <Verdict tone="bad" title={verdict.malformed}>
          <p>{verdict.malformedMore}</p>
          <Code code={error.code} message={error.message} />
        </Verdict>
      );
    if (isUnreachable(error))
      return (
        <Verdict tone="warn" title={verdict.unreachable}>
          <p>{verdict.unreachableMore}</p>
          <Button onClick={retry}>{verdict.retry}</Button>
        </Verdict>
      );
    return <Failure error={error} onRetry={retry} />;
  }
  return (
    <>
      {answer.isRefetchError ? (
        <p className="note warn" role="status">
          {verdict.stillShown}
        </p>
      ) : null}
      <Answer data={data} retry={retry} {...rest} />
    </>
  );
}

function Answer({
  data,
  retry,
  ...rest
}: Omit<Props, "answer"> & { data: TraceAnswer; retry: () => void }): ReactNode {
  const { verdict } = useStrings();
  switch (data.kind) {
    case "proven":
      return <Proven proof={data.proof} bundle={data.bundle} retry={retry} {...rest} />;
    case "refused":
      return <Refusal refusal={data.refusal} vendors={rest.vendors} retry={retry} />;
    case "old":
      return (
        <Verdict tone="bad" title={verdict.old}>
          <p>{verdict.oldMore(data.proof.verdict.height, data.knownHeight)}</p>
          <Button onClick={retry}>{verdict.retry}</Button>
        </Verdict>
      );
    case "withheld":
      return (
        <Verdict tone="bad" title={verdict.withheld}>
          <p>{verdict.withheldMore}</p>
          <Button onClick={retry}>{verdict.retry}</Button>
          <Code code={data.code} message={data.message} />
        </Verdict>
      );
    case "other-chain":
      return <OtherChain pin={data.pin} />;
  }
}

const TONES = { good: "✓", warn: "!", bad: "✕", plain: "…" } as const;

function Verdict({
  tone,
  title,
  children,
}: {
  tone: keyof typeof TONES;
  title: string;
  children?: ReactNode;
}): ReactNode {
  return (
    <section
      className={`verdict ${tone}`}
      data-verdict={tone}
      role={tone === "bad" ? "alert" : "status"}
      aria-live="polite"
    >
      <span className="verdict-mark" aria-hidden="true">
        {TONES[tone]}
      </span>
      <div className="verdict-body">
        <h2>{title}</h2>
        {children}
      </div>
    </section>
  );
}

function Checking(): ReactNode {
  const { verdict } = useStrings();
  return (
    <Verdict tone="plain" title={verdict.checking}>
      <p>{verdict.notYet}</p>
    </Verdict>
  );
}

const HOUR_MS = 3_600_000;

function Proven({
  proof,
  bundle,
  vendors,
  concerns = [],
  headline,
  hidesDownload = false,
  retry,
}: Omit<Props, "answer"> & { proof: TraceProof; bundle: Uint8Array; retry: () => void }): ReactNode {
  const { verdict: words } = useStrings();
  const { verdict } = proof;
  const { events, isComplete, provenByMs, height, identity } = verdict;
  const companies = new Set(events.map(({ captor }) => captor)).size;
  const ageHours = Math.floor((Date.now() - provenByMs) / HOUR_MS);
  const minded = [
    ...(isComplete ? [] : [words.cutAt(events.length)]),
    ...(ageHours >= 1 ? [words.ageHours(ageHours)] : []),
    ...verdict.problems.filter(({ what }) => what === "trust.unconfirmed").map(({ text }) => text),
    ...concerns,
  ];
  const isAbsent = events.length === 0;
  const title = isAbsent
    ? words.absent
    : !isComplete
      ? words.verifiedCut(events.length, companies)
      : minded.length > 0
        ? words.minded(events.length, companies)
        : (headline ?? words.verified(events.length, companies));
  return (
    <Verdict tone={isAbsent || minded.length > 0 ? "warn" : "good"} title={title}>
      <p className="small">
        {words.asOf} <Time ms={provenByMs} /> · {words.block(height)}
      </p>
      {minded.length === 0 ? null : (
        <ul>
          {minded.map((text) => (
            <li key={text}>{text}</li>
          ))}
        </ul>
      )}
      <p>{isAbsent ? words.absentMore : words.meaning}</p>
      <div className="row no-print">
        {hidesDownload ? null : (
          <Button onClick={() => saveFile(`${fileName(identity)}.trace`, bundle, "application/cbor")}>
            {words.download}
          </Button>
        )}
        <Button onClick={retry}>{words.retry}</Button>
      </div>
      <Experts proof={proof} vendors={vendors} />
      <PinLine />
    </Verdict>
  );
}

function Experts({ proof, vendors }: { proof: TraceProof; vendors: Vendors }): ReactNode {
  const { verdict: words } = useStrings();
  const { verdict, tookMs } = proof;
  return (
    <details className="experts no-print">
      <summary>{words.experts}</summary>
      <p data-took-ms={tookMs.toFixed(1)}>
        {words.took} {tookMs.toFixed(0)} ms · {words.chain} <code>{verdict.chainId}</code>
      </p>
      <h3>{words.provenTitle}</h3>
      <ul>
        {verdict.proven.map(({ what, text }) => (
          <li key={what}>
            <Text value={text} lengthMax={1_500} />
          </li>
        ))}
      </ul>
      <h3>{words.claimedTitle}</h3>
      <ul>
        {verdict.claimed.map(({ what, text, by }) => (
          <li key={`${what} ${by}`}>
            <Text value={text} lengthMax={600} />
            {by === undefined ? null : (
              <>
                {" "}
                (<VendorName vendor={by} vendors={vendors} />)
              </>
            )}
          </li>
        ))}
      </ul>
    </details>
  );
}

function Refusal({
  refusal,
  vendors,
  retry,
}: {
  refusal: TraceRefusal;
  vendors: Vendors;
  retry: () => void;
}): ReactNode {
  const strings = useStrings();
  const { refused, step } = refusal;
  const { reasons, reasonUnknown } = strings.verdict;
  const reason = reasons[refused.code] ?? reasons[refused.code.split(".")[0]!] ?? reasonUnknown;
  return (
    <Verdict tone="bad" title={strings.verdict.failed}>
      <p>
        <strong>{reason}</strong>
      </p>
      <p>{strings.verdict.failedMore}</p>
      {step === undefined ? null : <Faulty step={step} vendors={vendors} />}
      <Button onClick={retry}>{strings.verdict.retry}</Button>
      <Code code={refused.code} field={refused.field} message={refused.message} />
      <PinLine />
    </Verdict>
  );
}

function Faulty({ step, vendors }: { step: FaultyStep; vendors: Vendors }): ReactNode {
  const { verdict, item } = useStrings();
  const isBent = step.kind === "bent";
  return (
    <p data-faulty-step={step.kind}>
      {isBent ? verdict.failedStep : verdict.failedMissing}{" "}
      <strong>
        <Text value={isBent ? nameStep(item, step.claimed) : verdict.missingStep} lengthMax={60} />
      </strong>
      , <Time ms={Date.parse(isBent ? step.claimed.eventTime : step.recordedAt)} />, {verdict.by}{" "}
      <VendorName vendor={step.captor} vendors={vendors} />
    </p>
  );
}

function Code({ code, field, message }: { code: string; field?: string; message: string }): ReactNode {
  const { verdict } = useStrings();
  return (
    <details className="experts">
      <summary>{verdict.experts}</summary>
      <p>
        {verdict.code} <code>{code}</code>
        {field === undefined || field === "" ? null : (
          <>
            {" "}
            · {verdict.where}{" "}
            <code>
              <Text value={field} />
            </code>
          </>
        )}
      </p>
      <p>
        <Text value={message} lengthMax={400} />
      </p>
    </details>
  );
}

/** The one state in which the reader decides: a chain begun anew and a look-alike look the same from here. */
function OtherChain({ pin: { pin, shown } }: { pin: PinState }): ReactNode {
  const { verdict } = useStrings();
  return (
    <Verdict tone="bad" title={verdict.otherChain}>
      <p>{verdict.otherChainMore}</p>
      <dl className="pairs">
        <dt>{verdict.knownChain}</dt>
        <dd>
          <Hex value={pin.chainId} length={60} />
        </dd>
        <dt>{verdict.shownChain}</dt>
        <dd>
          <Hex value={shown.chainId} length={60} />
        </dd>
      </dl>
      <Button
        onClick={() => {
          keepPin(shown);
          void queryClient.invalidateQueries();
        }}
      >
        {verdict.pinNew}
      </Button>
    </Verdict>
  );
}
