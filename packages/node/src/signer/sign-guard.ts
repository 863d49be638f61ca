/**
 * The double-sign guard: a signer in front of a key that remembers what was signed, durably, and refuses what conflicts with it. One
 * memory is written per batch of signatures, and no signature is given out before.
 */
import { decodeSignBytes, type SignedContent } from "@lhg/protocol/core/block/certificate";
import { LhgError } from "@lhg/protocol/core/errors";
import type { ConsensusSigner } from "./consensus-signer.ts";
import { encodeSlot, type GuardState, recoverState, type SlotFile, slotOffset } from "./guard-slots.ts";
import { judgeSigning, type Memory, nameType, refuse } from "./sign-rules.ts";

/** Longer than anything that is signed: 130 bytes. */
export const SIGN_BYTES_MAX = 256;

export type SignerLog = (level: "debug" | "info" | "warn", fields: object, message: string) => void;

export interface SignGuardOptions {
  /** The bare key. */
  readonly signer: ConsensusSigner;
  readonly file: SlotFile;
  /** The only chain that is signed for; any, if undefined. */
  readonly chainId?: string | undefined;
  readonly log: SignerLog;
}

export interface SignGuard extends ConsensusSigner {
  /**
   * Resolves once the memory of it is on disk. Rejects with `signer.refused` (the field and what was expected there) or, after a failed
   * write, for good with `signer.state`: what such a write left on the disk is unknown, so the guard must be opened anew.
   */
  sign(message: Uint8Array): Promise<Uint8Array>;
  /** Rejects when the memory can't be written. */
  readonly failed: Promise<never>;
  /** Waits for the write in hand and closes the file. */
  close(): Promise<void>;
}

/** Reads the memory and makes sure that it is on disk. Throws `signer.state`. */
export async function openSignGuard(options: SignGuardOptions): Promise<SignGuard> {
  const { signer, file, log } = options;
  const { state, isTorn } = recoverState(await file.read(), signer.publicKey);
  if (isTorn) log("warn", {}, "the last write of the sign state was cut off; going on from the one before");
  // What a killed process left in the page cache counts from here on: it must be on the disk. The other slot stays as it is.
  await file.write(encodeSlot(state), slotOffset(state));
  await file.sync();
  return new Guard(options, state);
}

interface Waiter {
  readonly message: Uint8Array;
  readonly resolve: (signature: Uint8Array | Promise<Uint8Array>) => void;
  readonly reject: (error: unknown) => void;
}

/** Guards: a signature leaves only after the write that covers it; after a failed write none does. */
class Guard implements SignGuard {
  readonly publicKey: Uint8Array;
  readonly failed: Promise<never>;
  readonly #options: SignGuardOptions;
  /** Ahead of what is on the disk while `#written` differs. */
  #memory: Memory;
  #written: Memory;
  #sequence: number;
  #waiters: Waiter[] = [];
  #flushing: Promise<void> | undefined;
  #failure: LhgError | undefined;
  readonly #fail: (error: LhgError) => void;

  constructor(options: SignGuardOptions, state: GuardState) {
    this.#options = options;
    this.publicKey = options.signer.publicKey;
    this.#memory = state.chains;
    this.#written = state.chains;
    this.#sequence = state.sequence;
    const failed = Promise.withResolvers<never>();
    failed.promise.catch(() => {});
    this.failed = failed.promise;
    this.#fail = failed.reject;
  }

  async sign(message: Uint8Array): Promise<Uint8Array> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#memory = this.#judge(message);
    return new Promise((resolve, reject) => {
      // A copy: the caller's buffer may change until it is signed.
      this.#waiters.push({ message: new Uint8Array(message), resolve, reject });
      // One microtask later: requests that came in one packet share the first write.
      this.#flushing ??= Promise.resolve().then(() => this.#flush());
    });
  }

  async close(): Promise<void> {
    this.#failure ??= new LhgError("signer.closed", "the signer is closed");
    await this.#flushing;
    await this.#options.file.close();
  }

  #judge(message: Uint8Array): Memory {
    const { chainId, log } = this.#options;
    let content: SignedContent | undefined;
    try {
      content = readContent(message);
      if (chainId !== undefined && content.scope.chainId !== chainId) refuse("chainId", `must be ${chainId}`);
      return judgeSigning(this.#memory, content, message);
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      log("warn", { ...describeContent(content), reason: error.message }, "refused to sign");
      throw error;
    }
  }

  async #flush(): Promise<void> {
    try {
      while (this.#waiters.length > 0) {
        const waiters = this.#waiters.splice(0);
        try {
          await this.#write();
        } catch (error) {
          const failure = new LhgError(
            "signer.state",
            `can't be written: ${(error as Error).message}`,
            "signState",
          );
          this.#failure = failure;
          this.#fail(failure);
          for (const { reject } of [...waiters, ...this.#waiters.splice(0)]) reject(failure);
          return;
        }
        for (const { message, resolve } of waiters) resolve(this.#signBare(message));
      }
    } finally {
      this.#flushing = undefined;
    }
  }

  async #write(): Promise<void> {
    const chains = this.#memory;
    if (chains === this.#written) return;
    const { file, signer } = this.#options;
    this.#sequence += 1;
    const state = { publicKey: signer.publicKey, sequence: this.#sequence, chains };
    await file.write(encodeSlot(state), slotOffset(state));
    await file.sync();
    this.#written = chains;
  }

  async #signBare(message: Uint8Array): Promise<Uint8Array> {
    return this.#options.signer.sign(message);
  }
}

function readContent(message: Uint8Array): SignedContent {
  if (message.length > SIGN_BYTES_MAX)
    throw new LhgError("signer.refused", `must be at most ${SIGN_BYTES_MAX} bytes`, "signBytes");
  try {
    return decodeSignBytes(message);
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    const { message: reason } = error;
    throw new LhgError("signer.refused", `expected the signed bytes of a dBFT message: ${reason}`);
  }
}

/** For the log: where in the chain it stands, never what or by which key. */
function describeContent(content: SignedContent | undefined): object {
  if (content === undefined) return {};
  const { scope, view, type } = content;
  return { chainId: scope.chainId, height: scope.height, view, type: nameType(type) };
}
