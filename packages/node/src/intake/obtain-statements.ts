/** The search for what a proposal names and this node has not, or not safely. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { StatementInput } from "../application/port.ts";
import type { LeafHashed } from "../blocks/leaf-hashed.ts";
import type { Obtained } from "../consensus/engine.ts";

/** What one peer gave. Its leaf hashes are those asked for; its signatures are unchecked, and what stands beside the statements may be anything. */
export interface Fetched {
  readonly statements: readonly LeafHashed[];
  /** It was not what the peer should have given. */
  readonly blame: () => void;
}

export interface ObtainParts {
  readonly find: (leafHash: Uint8Array) => StatementInput | undefined;
  /** Makes durable those of them that wait in memory only. */
  readonly secure: (leafHashes: readonly Uint8Array[]) => Promise<void>;
  /** Some of them that some peer has, and not from these peers again; undefined where there are no peers. */
  readonly fetch: ((leafHashes: readonly Uint8Array[]) => Promise<Fetched | undefined>) | undefined;
  /** Verifies and keeps what was fetched: false when a statement itself is none. */
  readonly adopt: (fetched: Fetched) => Promise<boolean>;
  /** Whether anybody still waits for them. */
  readonly isWanted: () => boolean;
}

/** What a proposal names is on its way, as a rule, when the proposal comes: peers are asked only after this. */
const ARRIVAL_MS = 40;
const ARRIVAL_POLL_MS = 5;
const FETCH_ROUNDS = 40;
const FETCH_PAUSE_MS = 250;

/**
 * Ends when all are there, when one turns out to be invalid, when nobody wants them any more, or when nobody has them for some seconds. A full
 * disk or memory of this node makes them unavailable, and nothing worse.
 */
export async function obtainStatements(
  parts: ObtainParts,
  leafHashes: readonly Uint8Array[],
): Promise<Obtained> {
  try {
    return await search(parts, leafHashes);
  } catch (error) {
    if (error instanceof LhgError) return "unavailable";
    throw error;
  }
}

async function search(
  { find, secure, fetch, adopt, isWanted }: ObtainParts,
  leafHashes: readonly Uint8Array[],
): Promise<Obtained> {
  let missing = [...leafHashes];
  const lookAgain = (): boolean => {
    missing = missing.filter((leafHash) => find(leafHash) === undefined);
    return missing.length > 0 && isWanted();
  };
  await secure(missing);
  for (let waitedMs = 0; lookAgain() && waitedMs < ARRIVAL_MS; waitedMs += ARRIVAL_POLL_MS)
    await delay(ARRIVAL_POLL_MS);
  for (let round = 0; fetch !== undefined && lookAgain() && round < FETCH_ROUNDS; round++) {
    const fetched = await fetch(missing);
    if (fetched === undefined) await delay(FETCH_PAUSE_MS);
    else if (!(await adopt(fetched))) return "invalid";
  }
  lookAgain();
  return missing.length > 0 ? "unavailable" : "obtained";
}

function delay(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
