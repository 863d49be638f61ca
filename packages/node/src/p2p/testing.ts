/** Networks of one process for tests: every peer is connected to every other, and links can be cut. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Network, PeerId, PeerInfo, ServeLimits, Topic, Verdict } from "./network.ts";
import { createTraffic } from "./traffic.ts";

type Handler = (message: Uint8Array, from: PeerId) => Verdict | Promise<Verdict>;
type Answer = (body: Uint8Array, from: PeerId) => Promise<Uint8Array>;

interface Member {
  readonly id: PeerId;
  readonly topics: Map<Topic, Handler>;
  readonly questions: Map<string, { readonly limits: ServeLimits; readonly answer: Answer }>;
  readonly listeners: Set<(peer: PeerId, state: "connected" | "disconnected") => void>;
  readonly penalties: { readonly peer: PeerId; readonly reason: string }[];
  isUp: boolean;
}

export interface TestingHub {
  join(id: PeerId): Network;
  /** Nothing passes between the two any more; `isUp` mends it. */
  setLink(a: PeerId, b: PeerId, isUp: boolean): void;
  /** What `member` complained of. */
  penaltiesBy(member: PeerId): readonly { readonly peer: PeerId; readonly reason: string }[];
}

export function createTestingHub(): TestingHub {
  const members = new Map<PeerId, Member>();
  const cut = new Set<string>();
  const linkOf = (a: PeerId, b: PeerId): string => [a, b].sort().join(" ");
  const others = (member: Member): Member[] =>
    member.isUp
      ? [...members.values()].filter(
          (other) => other !== member && other.isUp && !cut.has(linkOf(member.id, other.id)),
        )
      : [];
  const tell = (member: Member, other: Member, state: "connected" | "disconnected"): void => {
    for (const listener of member.listeners) listener(other.id, state);
    for (const listener of other.listeners) listener(member.id, state);
  };
  return {
    join(id) {
      const member: Member = {
        id,
        topics: new Map(),
        questions: new Map(),
        listeners: new Set(),
        penalties: [],
        isUp: true,
      };
      members.set(id, member);
      for (const other of others(member)) tell(member, other, "connected");
      return {
        id,
        listenAddresses: () => [],
        peers: () =>
          others(member).map(
            (other): PeerInfo => ({
              id: other.id,
              address: "/memory",
              direction: "outbound",
              connectedAtMs: 0,
              score: 0,
            }),
          ),
        counters: createTraffic,
        onPeer(listener) {
          member.listeners.add(listener);
          return () => member.listeners.delete(listener);
        },
        publish(topic, message) {
          for (const other of others(member))
            setImmediate(() => {
              if (others(member).includes(other)) void other.topics.get(topic)?.(message, id);
            });
        },
        subscribe: (topic, handler) => void member.topics.set(topic, handler),
        async ask(peer, question, body, { answerBytesMax }) {
          const other = others(member).find((entry) => entry.id === peer);
          if (other === undefined) throw new LhgError("peer.gone", "is not connected", "peer");
          const served = other.questions.get(question);
          if (served === undefined) throw new LhgError("peer.refused", "answers no such question", "peer");
          if (body.length > served.limits.requestBytesMax)
            throw new LhgError("peer.refused", "the question is too long", "peer");
          const answer = await served.answer(body, id).catch((error: Error) => {
            throw new LhgError("peer.refused", error.message, "peer");
          });
          if (!others(member).includes(other)) throw new LhgError("peer.gone", "is not connected", "peer");
          if (answer.length > answerBytesMax)
            throw new LhgError("peer.answer-too-large", "is too long", "answer");
          return answer;
        },
        serve: (question, limits, answer) => void member.questions.set(question, { limits, answer }),
        penalise: (peer, reason) => void member.penalties.push({ peer, reason }),
        async stop() {
          for (const other of others(member)) tell(member, other, "disconnected");
          member.isUp = false;
          members.delete(id);
        },
      };
    },
    setLink(a, b, isUp) {
      if (isUp) cut.delete(linkOf(a, b));
      else cut.add(linkOf(a, b));
      const [first, second] = [members.get(a), members.get(b)];
      if (first !== undefined && second !== undefined)
        tell(first, second, isUp ? "connected" : "disconnected");
    },
    penaltiesBy: (id) => members.get(id)?.penalties ?? [],
  };
}
