/** Why CometBFT ended, in plain words, by what it said last. */
import { LhgError } from "@lhg/protocol/core/errors";

export interface CrashCause {
  readonly cause: string;
  readonly cure: string;
}

/** CometBFT keeps the state of a snapshot before it has a block: killed in between it never starts again by itself. */
const TORN_STATE_SYNC = /state \([1-9]\d*\) and store \(0\) height mismatch/;

/** Words of v0.39.4; the more special come first. A version that says it otherwise is only less well explained. */
const CAUSES: readonly (CrashCause & { readonly pattern: RegExp })[] = [
  {
    // An engine without blocks expects no app hash at all; to it the ledger is not ahead but wrong.
    pattern: /^\s*[0-9A-F]{64}, expected \.$|Did you reset CometBFT without resetting/,
    cause: "the ledger is ahead of the engine, which has no blocks: the engine's data was lost",
    cure: "put both back from one backup, or empty the ledger's data folder too and let the node catch up",
  },
  {
    pattern:
      /AppHash does not match AppHash after replay|does not match app's AppHash|wrong Block\.Header\.AppHash/i,
    cause: "the ledger came to another state than the chain (wrong app hash)",
    cure: "put ledger and engine back from one backup, or empty the data folders of both and let the node catch up; if it happens again, report it: it is a fault of the program",
  },
  {
    pattern: /app block height \(\d+\) is higher than core/,
    cause:
      "the ledger is ahead of the engine's blocks: the engine's data was lost or put back from an older backup",
    cure: "put both back from one backup, or empty the ledger's data folder too and let the node catch up",
  },
  {
    pattern: /app block height \(\d+\) is too far below block store base/,
    cause: "the ledger is behind the oldest block that the engine has kept",
    cure: "empty the data folders of both and let the node begin with a snapshot, or put both back from one backup",
  },
  {
    pattern:
      /StateBlockHeight \(\d+\) > StoreBlockHeight|StoreBlockHeight \(\d+\) > StateBlockHeight|state after replay does not match/,
    cause: "the engine's own data contradicts itself: its heights do not match",
    cure: "put the engine's data folder back from a backup, or empty it and the ledger's and let the node catch up; keep priv_validator_state.json",
  },
  {
    pattern: TORN_STATE_SYNC,
    cause: "the engine was killed when it had taken the state of a snapshot, and no block yet",
    cure: "empty its data folder, but keep priv_validator_state.json: it begins with a snapshot again",
  },
  {
    pattern:
      /genesis_hash=\w* does not match|error in genesis doc|reading GenesisDoc|read GenesisDoc|genesis\.mismatch|chain[ _-]?id .*(?:mismatch|does not match)|genesis .*(?:mismatch|does not match|differs)/i,
    cause: "the engine's genesis is missing, unreadable, or that of another chain",
    cure: "give the node the genesis.json of its chain, in its home and in the config folder of the engine; an engine that began with another one keeps it: then empty its data folder, but for priv_validator_state.json",
  },
  {
    pattern: /address already in use/,
    cause: "another program has one of the engine's ports",
    cure: "end the other program (an engine that still runs, perhaps), or choose other ports in config.toml and engine.comet_rpc",
  },
  {
    pattern: /resource temporarily unavailable|LOCK: |already locked/,
    cause: "another cometbft uses the same home: its database is locked",
    cure: "end the other one; never run two with one key",
  },
  {
    pattern: /(?:height|round|step) regression|found signature from the same key/,
    cause:
      "the validator has signed at a later height than its chain is at: its data was put back from an older backup, or its key signs elsewhere",
    cure: "make sure that no other node has the key, then let the node catch up without voting: never delete priv_validator_state.json",
  },
  {
    pattern: /Error reading PrivValidator|priv_validator_(?:key|state)/,
    cause: "the engine can't read its key, or its memory of what it signed",
    cure: "put config/priv_validator_key.json and data/priv_validator_state.json of its home back, readable by this user",
  },
  {
    pattern: /no space left on device/,
    cause: "the disk is full",
    cure: "make room",
  },
  {
    pattern: /permission denied/,
    cause: "the engine may not read or write a file of its home, or a port",
    cure: "give its home to the user that runs the node",
  },
  {
    pattern: /error in config file|failed to (?:read|parse) config|While parsing config/i,
    cause: "the engine can't use its config.toml",
    cure: "correct what it names",
  },
  {
    pattern:
      /Did the application crash|connection terminated|abci socketClient is stopped|error during handshake/,
    cause: "the engine lost the ledger, or was refused by it",
    cure: "look for the ledger's own error before this in the log",
  },
];

/** Undefined where nothing in the lines is known. */
export function findCrashCause(lines: readonly string[]): CrashCause | undefined {
  for (const { pattern, cause, cure } of CAUSES)
    if (lines.some((line) => pattern.test(line))) return { cause, cure };
  return undefined;
}

/** Whether an engine that ends again and again has the state of a snapshot and no block: then its data is of no use to anybody. */
export function isTornStateSync({ code, message }: LhgError): boolean {
  return code === "engine.crashed" && TORN_STATE_SYNC.test(message);
}

/** Of an engine that ends again and again. */
export function describeCrashLoop(exits: number, home: string, lines: readonly string[]): LhgError {
  const known = findCrashCause(lines);
  const why = known === undefined ? "" : `: ${known.cause}. What helps: ${known.cure}`;
  const said = lines.length === 0 ? "It said nothing." : `It said last:\n${lines.join("\n")}`;
  return new LhgError(
    "engine.crashed",
    `CometBFT ended ${exits} times before it was up${why}. ${said}`,
    home,
  );
}
