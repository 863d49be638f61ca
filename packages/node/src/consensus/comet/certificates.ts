/** Fetches what makes committed blocks final: ABCI does not hand it over, the engine's own RPC does. */
import { LhgError } from "@lhg/protocol/core/errors";

export interface CertificateParts {
  /** CometBFT's header and commit of a height, encoded; rejects while it has none. */
  readonly fetch: (height: number) => Promise<{ readonly header: Uint8Array; readonly commit: Uint8Array }>;
  /** As `LedgerApplication.certify`. */
  readonly certify: (header: Uint8Array, commit: Uint8Array, isParentShared: boolean) => Promise<void>;
  /** Whether of this height the commit is wanted that all nodes have. */
  readonly isShared: (height: number) => boolean;
  readonly certifiedHeight: number;
  readonly onCertified: (height: number) => void;
  readonly onFatal: (error: unknown) => void;
  readonly log: (level: "debug" | "warn", fields: object, message: string) => void;
}

export interface Certificates {
  readonly certifiedHeight: number;
  /** The chain has come to this height. */
  follow(height: number): void;
  /** The ledger begins anew after this height. */
  restart(height: number): void;
  stop(): Promise<void>;
}

const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 2_000;
/** So many tries fail before it is worth a word: while CometBFT replays it answers nothing. */
const QUIET_TRIES = 8;

/** Goes height by height; whatever fails is tried again: without certificates nothing is provable, but nothing is lost either. */
export function followCertificates(parts: CertificateParts): Certificates {
  let { certifiedHeight } = parts;
  let target = certifiedHeight;
  let running = Promise.resolve();
  let isRunning = false;
  let isStopped = false;
  let wake: (() => void) | undefined;

  async function run(): Promise<void> {
    isRunning = true;
    try {
      await fetchAll();
    } catch (error) {
      parts.onFatal(error);
    }
  }

  async function fetchAll(): Promise<void> {
    // `target` may rise while this runs.
    for (let tries = 0; certifiedHeight < target && !isStopped; ) {
      const height = certifiedHeight + 1;
      try {
        await certify(height);
        certifiedHeight = height;
        tries = 0;
        parts.onCertified(height);
      } catch (error) {
        if (!(error instanceof LhgError)) throw error;
        if (isStopped) break;
        const level = tries++ < QUIET_TRIES ? "debug" : "warn";
        parts.log(
          level,
          { height, code: error.code, reason: error.message },
          "no certificate of a block yet",
        );
        await pause(Math.min(RETRY_MS_MIN * 2 ** Math.min(tries, 10), RETRY_MS_MAX));
      }
    }
    // At once: a height that comes in the next turn begins anew.
    isRunning = false;
  }

  /** What CometBFT tells of its newest block is what this node has seen; of the one before, what all have. */
  async function certify(height: number): Promise<void> {
    const isParentShared = parts.isShared(height - 1);
    const { header, commit } = await parts.fetch(height);
    try {
      await parts.certify(header, commit, isParentShared);
    } catch (error) {
      if (!(error instanceof LhgError) || error.code !== "certificate.parent") throw error;
      const parent = await parts.fetch(height - 1);
      await parts.certify(parent.header, parent.commit, false);
      await parts.certify(header, commit, isParentShared);
    }
  }

  function pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, delayMs);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  return {
    get certifiedHeight() {
      return certifiedHeight;
    },
    follow(height) {
      target = Math.max(target, height);
      if (!isStopped && !isRunning) running = run();
    },
    restart(height) {
      certifiedHeight = height;
      target = height;
    },
    async stop() {
      isStopped = true;
      wake?.();
      await running;
    },
  };
}
