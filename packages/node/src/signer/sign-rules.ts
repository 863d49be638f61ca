/** What a consensus key may sign after what it has signed: rules without IO. The README has them as a table. */
import { hash } from "node:crypto";
import {
  CHANGE_VIEW,
  COMMIT,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  RECOVERY_REQUEST,
  type SignedContent,
} from "@lhg/protocol/core/block/certificate";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";

/** A fork is a chain of its own; more chains than this are none that one key serves. */
export const CHAINS_MAX = 8;
/** More than a client has under way when its connection breaks: what it asks again is signed again. */
export const RECENT_MAX = 32;

/** What was signed on one chain. Everything below its height, and below its view there, is closed. */
export interface ChainMemory {
  readonly chainId: string;
  readonly epoch: number;
  readonly height: number;
  /** The highest view of the height that was voted in or changed into. */
  readonly view: number;
  /** Bit t is set when a vote of type t was signed in that view. */
  readonly voted: number;
  /** The newest commit of the height. */
  readonly commit: { readonly view: number; readonly blockHash: Uint8Array } | null;
  /** SHA-256 of what was signed last, the newest at the end. */
  readonly recent: readonly Uint8Array[];
}

export type Memory = readonly ChainMemory[];

const TYPE_NAMES: Readonly<Record<SignedContent["type"], string>> = {
  [PREPARE_REQUEST]: "PrepareRequest",
  [PREPARE_RESPONSE]: "PrepareResponse",
  [COMMIT]: "Commit",
  [CHANGE_VIEW]: "ChangeView",
  [RECOVERY_REQUEST]: "RecoveryRequest",
};

export function nameType(type: SignedContent["type"]): string {
  return TYPE_NAMES[type];
}

/**
 * The memory once this is signed; the same object where nothing new has to be remembered. `message` is what `content` was read from.
 * Throws `signer.refused`, saying what was expected.
 */
export function judgeSigning(memory: Memory, content: SignedContent, message: Uint8Array): Memory {
  if (content.type === RECOVERY_REQUEST) return memory;
  const { chainId } = content.scope;
  const held = memory.find((chain) => chain.chainId === chainId);
  if (held === undefined && memory.length >= CHAINS_MAX)
    refuse("chainId", `is new, and ${CHAINS_MAX} chains are remembered already`);
  const digest = new Uint8Array(hash("sha256", message, "buffer"));
  if (held?.recent.some((before) => equalBytes(before, digest)) === true) return memory;
  const before = held === undefined ? startHeight(content) : followScope(held, content);
  const after = content.type === CHANGE_VIEW ? takeChangeView(before, content) : takeVote(before, content);
  const recent = [...(held?.recent ?? []), digest].slice(-RECENT_MAX);
  return [...memory.filter((chain) => chain !== held), { ...after, recent }];
}

function startHeight({ scope }: SignedContent): ChainMemory {
  return { ...scope, view: 0, voted: 0, commit: null, recent: [] };
}

/** Heights and epochs only rise, and a height is of one epoch. */
function followScope(held: ChainMemory, content: SignedContent): ChainMemory {
  const { epoch, height } = content.scope;
  if (height < held.height) refuse("height", `must be at least ${held.height}, where something was signed`);
  if (epoch < held.epoch) refuse("epoch", `must be at least ${held.epoch}`);
  if (height > held.height) return startHeight(content);
  if (epoch > held.epoch) refuse("epoch", `must be ${held.epoch}, as before at this height`);
  return held;
}

function takeVote(
  chain: ChainMemory,
  { type, view, blockHash }: Extract<SignedContent, { type: typeof COMMIT | 1 | 2 }>,
): ChainMemory {
  if (view < chain.view) refuse("view", `must be at least ${chain.view}: lower ones were left`);
  const bit = 1 << type;
  const voted = view === chain.view ? chain.voted : 0;
  if ((voted & bit) !== 0)
    refuse("blockHash", `differs from that of the ${nameType(type)} signed in this view`);
  const commit = type === COMMIT ? { view, blockHash } : chain.commit;
  return { ...chain, view, voted: voted | bit, commit };
}

/**
 * Upward only, and the claim covers the newest commit: who committed held a prepared certificate, and agreement rests on it being
 * claimed in every ChangeView that follows.
 */
function takeChangeView(
  chain: ChainMemory,
  { view, prepared }: Extract<SignedContent, { type: typeof CHANGE_VIEW }>,
): ChainMemory {
  if (view <= chain.view) refuse("view", `must be above ${chain.view}, the highest one entered`);
  if (prepared !== null && prepared.view >= view) refuse("preparedView", `must be below the view ${view}`);
  const { commit } = chain;
  if (commit !== null) {
    const field = "preparedView";
    if (prepared === null || prepared.view < commit.view)
      refuse(field, `must be at least ${commit.view}, where a Commit was signed`);
    if (prepared.view === commit.view && !equalBytes(prepared.blockHash, commit.blockHash))
      refuse("blockHash", `must be that of the Commit signed in view ${commit.view}`);
  }
  return { ...chain, view, voted: 0 };
}

export function refuse(field: string, message: string): never {
  throw new LhgError("signer.refused", message, `signBytes.${field}`);
}
