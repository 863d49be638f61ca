/** Consensus messages and evidence on their way between processes. */
import { bytes, decode, encode, type Infer, record, uint, union } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { EVIDENCE_BYTES_MAX } from "../blocks/proposal.ts";
import type { Network, PeerId, Verdict } from "../p2p/network.ts";
import { decodeMessage, encodeMessage, MAX_MESSAGE_BYTES, type Message } from "./dbft/messages.ts";
import type { Outcome } from "./driver.ts";

export interface ConsensusGossip {
  send(message: Message): void;
  sendEvidence(encoded: Uint8Array): void;
}

export interface ConsensusListener {
  /** What became of a message that a peer handed over in so many bytes. */
  onMessage(message: Message, from: PeerId, sizeBytes: number): Promise<Outcome>;
  /** True when the evidence was sound and new. */
  onEvidence(encoded: Uint8Array): Promise<boolean>;
}

export type JoinConsensus = (listener: ConsensusListener) => ConsensusGossip;

const envelope = record(1, {
  /** What is sent again on purpose must not be taken for what was passed on already: the gossip tells messages apart by their bytes. */
  salt: uint(0xffffffff),
  content: union({
    message: { tag: [1], codec: record(undefined, { encoded: bytes({ min: 1, max: MAX_MESSAGE_BYTES }) }) },
    evidence: { tag: [2], codec: record(undefined, { encoded: bytes({ min: 1, max: EVIDENCE_BYTES_MAX }) }) },
  }),
});
type Envelope = Infer<typeof envelope>;

/** Of what is sound and brings nothing new, so many messages a second are passed on for each peer: a way round for who lost them. */
const REPEATS_PER_SECOND = 32;
/** Evidence is judged in the ledger's thread, which has better to do. */
const ACCUSATIONS_PER_SECOND = 16;

/** Joins the gossip of a network; the listener is called from then on. */
export function joinConsensusGossip(network: Network): JoinConsensus {
  return (listener) => {
    const mayRepeat = createAllowance(REPEATS_PER_SECOND);
    const mayAccuse = createAllowance(ACCUSATIONS_PER_SECOND);
    let salt = Math.floor(Math.random() * 0x7fffffff);
    network.subscribe("consensus", async (data, from) => {
      const opened = openEnvelope(data);
      if (opened === undefined) return "reject";
      if (opened.type === "evidence")
        return mayAccuse(from) && (await listener.onEvidence(opened.body.encoded)) ? "accept" : "ignore";
      const outcome = await listener.onMessage(opened.message, from, data.length);
      return judge(outcome, isRepeated(opened.message) && mayRepeat(from));
    });
    const send = (content: Envelope["content"], isAgain: boolean): void => {
      if (isAgain) salt = (salt + 1) >>> 0;
      network.publish("consensus", encodeEnvelope({ salt: isAgain ? salt : 0, content }));
    };
    return {
      send: (message) =>
        send({ type: "message", body: { encoded: encodeMessage(message) } }, isRepeated(message)),
      sendEvidence: (encoded) => send({ type: "evidence", body: { encoded } }, false),
    };
  };
}

function isRepeated({ type }: Message): boolean {
  return type === "recovery-request" || type === "recovery-message";
}

/** Only what was verified in full is passed on, or others would blame this node for it. */
function judge(outcome: Outcome, mayRepeat: boolean): Verdict {
  if (outcome === "invalid") return "reject";
  return outcome === "recorded" || (outcome === "held" && mayRepeat) ? "accept" : "ignore";
}

export const encodeEnvelope = (value: Envelope): Uint8Array => encode(envelope, value, "gossip");
/** Throws an `LhgError` naming the field. */
export const decodeEnvelope = (data: Uint8Array): Envelope => decode(envelope, data, "gossip");

type Opened =
  | { readonly type: "message"; readonly message: Message }
  | { readonly type: "evidence"; readonly body: { readonly encoded: Uint8Array } };

function openEnvelope(data: Uint8Array): Opened | undefined {
  try {
    const { content } = decodeEnvelope(data);
    return content.type === "message"
      ? { type: "message", message: decodeMessage(content.body.encoded) }
      : content;
  } catch (error) {
    if (error instanceof LhgError) return undefined;
    throw error;
  }
}

/** So many a second for each peer; forgets all of them when another second begins. */
function createAllowance(perSecond: number): (peer: PeerId) => boolean {
  let second = 0;
  let used = new Map<PeerId, number>();
  return (peer) => {
    const now = Math.floor(performance.now() / 1_000);
    if (now !== second) {
      second = now;
      used = new Map();
    }
    const count = used.get(peer) ?? 0;
    used.set(peer, count + 1);
    return count < perSecond;
  };
}
