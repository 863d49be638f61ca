/** A network in which nothing moves unless the test moves it: for directed cases of single rules. */
import { encodeUtf8, toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import { assertInvariant } from "@lhg/protocol/core/errors";
import type {
  CoreConfig,
  CoreState,
  Decision,
  Durable,
  Effect,
  Input,
  Mutation,
} from "../src/consensus/dbft/core.ts";
import type { Message } from "../src/consensus/dbft/messages.ts";
import { createState, step } from "../src/consensus/dbft/step.ts";
import { makeProposal, makeSigning, makeValidators, openProposal } from "./toys.ts";

export const T = 1000;

export interface Puppet {
  readonly index: number;
  readonly config: CoreConfig;
  state: CoreState;
  nowMs: number;
  clockMs: number;
  durable: Durable | undefined;
  decision: Decision | undefined;
  /** Every effect so far. */
  readonly effects: Effect[];
  /** What the driver answers to build-proposal and check-proposal; undefined leaves them unanswered. */
  build: ((view: number) => Uint8Array) | undefined;
  check: (() => "valid" | "bad" | "missing") | undefined;
}

export interface Sent {
  readonly from: number;
  readonly to: "all" | readonly number[];
  readonly message: Message;
}

export interface Puppets {
  readonly nodes: readonly Puppet[];
  readonly sent: Sent[];
}

export interface PuppetOptions {
  readonly count?: number;
  readonly height?: number;
  readonly chainId?: string;
  readonly mutations?: readonly Mutation[];
  readonly hasWork?: boolean;
  /** Index of a validator that runs without its key. */
  readonly observer?: number;
}

export const PARENT_TIME_MS = 1_000_000;

export function blockOf(height: number, label: string, timeMs: number = PARENT_TIME_MS + 1): Uint8Array {
  return makeProposal({ height, timeMs, parentHash: ZERO32, payload: encodeUtf8(label) });
}

/** By default primary of view v is validator (count - v) mod count. */
export function makePuppets(options: PuppetOptions = {}): Puppets {
  const { count = 4, height = 5 * count, hasWork = true } = options;
  const validators = makeValidators(count);
  const nodes = validators.map(({ consensusKey }, index): Puppet => {
    const config: CoreConfig = {
      chainId: options.chainId ?? "test-00",
      consensusKey: index === options.observer ? undefined : consensusKey,
      signing: makeSigning(consensusKey),
      openProposal,
      baseTimeoutMs: T,
      maxTimeoutMs: 64 * T,
      heartbeatMs: 20 * T,
      maxDriftMs: 5 * T,
      mutations: new Set(options.mutations),
    };
    return {
      index,
      config,
      state: createState(),
      nowMs: 0,
      clockMs: PARENT_TIME_MS,
      durable: undefined,
      decision: undefined,
      effects: [],
      build: (view) => blockOf(height, `block of ${index} in view ${view}`),
      check: () => "valid",
    };
  });
  const puppets: Puppets = { nodes, sent: [] };
  for (const node of nodes) startPuppet(puppets, node, height, hasWork);
  return puppets;
}

function startPuppet(
  puppets: Puppets,
  node: Puppet,
  height: number,
  hasWork: boolean,
  restart?: boolean,
): void {
  feed(puppets, node.index, {
    kind: "start-height",
    nowMs: node.nowMs,
    height,
    epoch: 0,
    validators: makeValidators(puppets.nodes.length),
    parentHash: ZERO32,
    parentTimeMs: PARENT_TIME_MS,
    hasWork,
    ...(restart ? { restart: { durable: node.durable } } : {}),
  });
}

export function restart(puppets: Puppets, index: number, hasWork = true): void {
  const node = puppets.nodes[index]!;
  const { height } = node.state;
  node.state = createState();
  startPuppet(puppets, node, height, hasWork, true);
}

export function feed(puppets: Puppets, index: number, input: Input): readonly Effect[] {
  const node = puppets.nodes[index]!;
  const result = step(node.config, node.state, input);
  node.state = result.state;
  for (const effect of result.effects) carryOut(puppets, node, effect);
  return result.effects;
}

function carryOut(puppets: Puppets, node: Puppet, effect: Effect): void {
  const { index, nowMs } = node;
  node.effects.push(effect);
  if (effect.kind === "persist") node.durable = effect.durable;
  else if (effect.kind === "send") puppets.sent.push({ from: index, to: effect.to, message: effect.message });
  else if (effect.kind === "decide") node.decision = effect;
  else if (effect.kind === "build-proposal" && node.build !== undefined) {
    const { height, view } = effect;
    feed(puppets, index, { kind: "proposal-built", nowMs, height, view, proposal: node.build(view) });
  } else if (effect.kind === "check-proposal" && node.check !== undefined) {
    const { height, blockHash } = effect;
    feed(puppets, index, { kind: "proposal-checked", nowMs, height, blockHash, verdict: node.check() });
  }
}

export function give(puppets: Puppets, to: number, message: Message): readonly Effect[] {
  const { nowMs, clockMs } = puppets.nodes[to]!;
  return feed(puppets, to, { kind: "message", nowMs, clockMs, message });
}

export type MessageType = Message["type"];

function viewOf(message: Message): number {
  if (message.type === "change-view") return message.body.vote.view;
  return "view" in message.body ? message.body.view : (message.body.request?.view ?? 0);
}

/** What `from` sent of this type in this view; the last one if several. */
export function sentBy(puppets: Puppets, from: number, type: MessageType, view: number): Message {
  const found = puppets.sent.findLast(
    (sent) => sent.from === from && sent.message.type === type && viewOf(sent.message) === view,
  );
  assertInvariant(found !== undefined, `validator ${from} sent ${type} in view ${view}`);
  return found.message;
}

export function hasSent(puppets: Puppets, from: number, type: MessageType, view: number): boolean {
  return puppets.sent.some(
    (sent) => sent.from === from && sent.message.type === type && viewOf(sent.message) === view,
  );
}

/** Gives what each of `from` sent of this type in this view to each of `to`. */
export function pass(
  puppets: Puppets,
  type: MessageType,
  view: number,
  from: readonly number[],
  to: readonly number[],
): void {
  for (const sender of from) {
    const message = sentBy(puppets, sender, type, view);
    for (const receiver of to) if (receiver !== sender) give(puppets, receiver, message);
  }
}

/** Delivers everything in flight, and what that causes, among `members` until silence. */
export function settle(puppets: Puppets, members: readonly number[] = [...puppets.nodes.keys()]): void {
  for (let i = 0; i < puppets.sent.length; i++) {
    const { from, to, message } = puppets.sent[i]!;
    if (!members.includes(from)) continue;
    for (const receiver of members)
      if (receiver !== from && (to === "all" || to.includes(receiver))) give(puppets, receiver, message);
  }
  puppets.sent.length = 0;
}

/** Lets the view timer of these validators fire; one that does not run yet is set off. */
export function timeOut(puppets: Puppets, ...indexes: readonly number[]): void {
  for (const index of indexes) {
    const node = puppets.nodes[index]!;
    node.state.viewDeadlineMs ??= node.nowMs;
    node.nowMs = Math.max(node.nowMs, node.state.viewDeadlineMs);
    feed(puppets, index, { kind: "timer", nowMs: node.nowMs });
  }
}

export function wait(puppets: Puppets, index: number, durationMs: number): void {
  const node = puppets.nodes[index]!;
  node.nowMs += durationMs;
  feed(puppets, index, { kind: "timer", nowMs: node.nowMs });
}

/** The distinct blocks that validators decided, as hex. */
export function decidedBlocks(puppets: Puppets): string[] {
  const decided = puppets.nodes.flatMap((node) => (node.decision ? [toHex(node.decision.blockHash)] : []));
  return [...new Set(decided)];
}
