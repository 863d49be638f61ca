/** The search for what a proposal names and this node has not, or not safely. */
import type { StatementInput } from "../application/application.ts";
import type { Obtained } from "../consensus/engine.ts";

export interface LeafHashed {
  readonly leafHash: Uint8Array;
  /** Encoded submission. */
  readonly bytes: Uint8Array;
}

export interface ObtainParts {
  readonly find: (leafHash: Uint8Array) => StatementInput | undefined;
  /** Makes durable those of them that wait in memory only. */
  readonly secure: (leafHashes: readonly Uint8Array[]) => Promise<void>;
  /** Those of them that some peer has; undefined where there are no peers. */
  readonly fetch: ((leafHashes: readonly Uint8Array[]) => Promise<readonly LeafHashed[]>) | undefined;
  /** Verifies and keeps what was fetched. False when one of them is no valid statement. */
  readonly adopt: (found: readonly LeafHashed[]) => Promise<boolean>;
}

/** What a proposal names is on its way, as a rule, when the proposal comes: peers are asked only after this. */
const ARRIVAL_MS = 40;
const ARRIVAL_POLL_MS = 5;
const FETCH_ROUNDS = 12;
const FETCH_PAUSE_MS = 250;

/** Ends when all are there, when one turns out to be invalid, or when nobody has them for some seconds. */
export async function obtainStatements(
  { find, secure, fetch, adopt }: ObtainParts,
  leafHashes: readonly Uint8Array[],
): Promise<Obtained> {
  let missing = [...leafHashes];
  const lookAgain = (): boolean => {
    missing = missing.filter((leafHash) => find(leafHash) === undefined);
    return missing.length > 0;
  };
  await secure(missing);
  for (let waitedMs = 0; lookAgain() && waitedMs < ARRIVAL_MS; waitedMs += ARRIVAL_POLL_MS)
    await delay(ARRIVAL_POLL_MS);
  for (let round = 0; fetch !== undefined && lookAgain() && round < FETCH_ROUNDS; round++) {
    const found = await fetch(missing);
    if (found.length === 0) await delay(FETCH_PAUSE_MS);
    else if (!(await adopt(found))) return "invalid";
  }
  return lookAgain() ? "unavailable" : "obtained";
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
