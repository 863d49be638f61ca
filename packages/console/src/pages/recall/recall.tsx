/** `/recall?id=<uri>`: from a bad item on to all that it went into, or back to what it came from. */
import { LhgError } from "@lhg/protocol/core/errors";
import { type ReactNode, useMemo } from "react";
import { useSearchParams } from "react-router";
import { useStrings } from "../../strings/strings.tsx";
import { ItemLink } from "../../ui/links.tsx";
import { Panel } from "../../ui/panel.tsx";
import type { TraceProof } from "../../verify/messages.ts";
import { useTrace } from "../../verify/use-trace.ts";
import { useVendors, type Vendors } from "../../verify/use-vendors.ts";
import { VerdictPanel } from "../../verify/verdict-panel.tsx";
import { isCarrier } from "../../words/identity.ts";
import { Finder, NoItem } from "../items/finder.tsx";
import { KindOnly } from "../items/kind-only.tsx";
import { readId } from "../items/read-id.ts";
import { Recent } from "../items/recent.tsx";
import { findAffected, findOrigins } from "./affected.ts";
import { AffectedItems } from "./affected-items.tsx";
import { Origins } from "./origins.tsx";
import "../items/items.css";
import "./recall.css";
import { Text } from "../../ui/values.tsx";

/** The most that a node gives in one answer. */
const EVENTS_MAX = 5_000;

export default function Recall(): ReactNode {
  const { sections, recall } = useStrings();
  const [search, setSearch] = useSearchParams();
  const id = search.get("id")?.trim() ?? "";
  const direction = search.get("direction") === "back" ? "back" : "forward";
  const identity = useMemo(() => readId(id), [id]);
  const turn = (next: "back" | "forward"): void => {
    const changed = new URLSearchParams(search);
    changed.set("direction", next);
    setSearch(changed, { replace: true });
  };
  return (
    <div className="stack recall">
      <h1>{sections.recall}</h1>
      <p className="muted no-print">{recall.lead}</p>
      <div className="no-print">
        <Finder path="/recall" label={recall.findLabel} action={recall.find} initial={id} />
      </div>
      {id === "" ? (
        <Panel title={recall.choose}>
          <Recent path="/recall" lotsFirst />
        </Panel>
      ) : null}
      {identity instanceof LhgError ? <NoItem text={id} error={identity} /> : null}
      {identity === undefined || identity instanceof LhgError ? null : (
        <>
          <fieldset className="choice no-print">
            <legend>{recall.direction}</legend>
            {(["forward", "back"] as const).map((one) => (
              <label key={one}>
                <input type="radio" name="direction" checked={direction === one} onChange={() => turn(one)} />{" "}
                {recall[one]}
              </label>
            ))}
          </fieldset>
          <Found
            key={`${direction} ${identity.key}`}
            identity={identity.key}
            isKind={identity.kind === "class"}
            direction={direction}
          />
        </>
      )}
    </div>
  );
}

interface FoundProps {
  readonly identity: string;
  /** The identity names a kind of things, which may have no record of its own. */
  readonly isKind: boolean;
  readonly direction: "forward" | "back";
}

function Found({ identity, isKind, direction }: FoundProps): ReactNode {
  const { recall } = useStrings();
  const answer = useTrace({
    identity,
    direction,
    maxEvents: EVENTS_MAX,
    observations: "ignore",
    wantsSources: false,
  });
  const proof = answer.data?.kind === "proven" ? answer.data.proof : undefined;
  const addresses = useMemo(() => listVendors(proof), [proof]);
  const vendors = useVendors(addresses);
  if (isKind && proof?.verdict.events.length === 0) return <KindOnly kind={identity} path="/recall" />;
  return (
    <>
      <p>
        <ItemLink identity={identity} />
      </p>
      <VerdictPanel answer={answer} vendors={vendors} headline={recall.complete} hidesDownload />
      {answer.data !== undefined && proof === undefined ? <p>{recall.notProven}</p> : null}
      {proof === undefined || answer.data?.kind !== "proven" || proof.verdict.events.length === 0 ? null : (
        <Result
          identity={identity}
          direction={direction}
          proof={proof}
          bundle={answer.data.bundle}
          vendors={vendors}
        />
      )}
    </>
  );
}

function listVendors(proof: TraceProof | undefined): string[] {
  if (proof === undefined) return [];
  const custodians = proof.states.flatMap(({ custodian }) => (custodian === null ? [] : [custodian]));
  return [...new Set([...custodians, ...proof.verdict.events.map(({ captor }) => captor)])];
}

interface ResultProps {
  readonly identity: string;
  readonly direction: "forward" | "back";
  readonly proof: TraceProof;
  readonly bundle: Uint8Array;
  readonly vendors: Vendors;
}

function Result({ identity, direction, proof, bundle, vendors }: ResultProps): ReactNode {
  const { recall } = useStrings();
  const affected = useMemo(
    () => (direction === "forward" ? findAffected(identity, proof) : []),
    [identity, direction, proof],
  );
  const origins = useMemo(
    () => (direction === "back" ? findOrigins(identity, proof) : []),
    [identity, direction, proof],
  );
  if (direction === "back")
    return (
      <Panel title={recall.suspects(origins.length)}>
        <Origins origins={origins} vendors={vendors} />
      </Panel>
    );
  const left = affected.filter(({ status }) => status === "left");
  const items = affected.filter(({ status }) => status !== "left");
  const quantities = new Map(proof.states.map((state) => [state.identity, state.quantities]));
  const isAlone = affected.length === 1 && affected[0]!.identity === identity;
  return (
    <>
      {isAlone && !isCarrier(identity) ? <p className="note">{recall.none}</p> : null}
      <AffectedItems
        identity={identity}
        affected={items}
        isComplete={proof.verdict.isComplete}
        bundle={bundle}
        vendors={vendors}
      />
      {left.length === 0 ? null : (
        <Panel title={recall.leftTitle}>
          <p className="muted">{recall.leftLead}</p>
          <ul className="bare-list close">
            {left.map(({ identity: lot }) => (
              <li key={lot}>
                <ItemLink identity={lot} /> <Text value={(quantities.get(lot) ?? []).join(", ")} />
              </li>
            ))}
          </ul>
        </Panel>
      )}
    </>
  );
}
