/** What strangers send a node before anything of it is known to be signed: frames of questions and of gossip, addresses. */
import { createGossipFrameDecoder } from "../../packages/node/src/p2p/gossip-frames.ts";
import { decodePeers } from "../../packages/node/src/p2p/peer-exchange.ts";
import { peerIdOf } from "../../packages/node/src/p2p/peer-id.ts";
import {
  type AskerFrame,
  createAskerFrameDecoder,
  createServerFrameDecoder,
  encodeAskerFrame,
  encodeServerFrame,
  type FrameDecoder,
  type ServerFrame,
} from "../../packages/node/src/p2p/question-frames.ts";
import { concatBytes, encodeUtf8, equalBytes } from "../../packages/protocol/src/core/bytes.ts";
import { assertInvariant } from "../../packages/protocol/src/core/errors.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./targets.ts";

const BODY = encodeUtf8("a body");
const ASKED: readonly AskerFrame[] = [
  { type: "question", id: 1, name: "blocks", body: BODY },
  { type: "ping", id: 0 },
  { type: "cancel", id: 1 },
  { type: "question", id: 2, name: "peers", body: new Uint8Array(0) },
];
const ANSWERED: readonly ServerFrame[] = [
  { type: "chunk", id: 1, bytes: BODY },
  { type: "last", id: 1, bytes: BODY },
  { type: "refusal", id: 2, kind: "busy", reason: "later" },
  { type: "pong", id: 0 },
];
/** An RPC with a subscription, one with a message, one with a graft. */
const GOSSIPED = concatBytes(
  Uint8Array.of(8, 0x0a, 6, 0x08, 1, 0x12, 2, 0x2f, 0x61),
  Uint8Array.of(9, 0x12, 7, 0x12, 1, 9, 0x22, 2, 0x2f, 0x61),
  Uint8Array.of(8, 0x1a, 6, 0x1a, 4, 0x0a, 2, 0x2f, 0x61),
);
const PEERS = [1, 2].map((n) => `/ip4/192.0.2.${n}/tcp/4001/p2p/${peerIdOf(new Uint8Array(32).fill(n))}`);

/** What comes out does not depend on how the bytes were cut, and encodes to itself. */
function framesTarget<Frame>(
  name: string,
  seed: Uint8Array,
  createDecoder: () => FrameDecoder<Frame>,
  encode: (frame: Frame) => Uint8Array,
): Target {
  return {
    name,
    draw: (random) => mutate(random, [seed]),
    run: (input) => {
      const frames = createDecoder().push(input);
      const cut = createDecoder();
      const pieces = [...input].flatMap((byte) => cut.push(Uint8Array.of(byte)));
      const joined = concatBytes(...frames.map(encode));
      assertInvariant(equalBytes(joined, concatBytes(...pieces.map(encode))), "frames do not depend on cuts");
      assertInvariant(equalBytes(joined, input.subarray(0, joined.length)), "a frame has one encoding");
    },
  };
}

export function peerTargets(): Target[] {
  return [
    framesTarget(
      "frames of questions",
      concatBytes(...ASKED.map(encodeAskerFrame)),
      () => createAskerFrameDecoder(() => Number.POSITIVE_INFINITY),
      (frame) => encodeAskerFrame(frame as AskerFrame),
    ),
    framesTarget(
      "frames of answers",
      concatBytes(...ANSWERED.map(encodeServerFrame)),
      createServerFrameDecoder,
      encodeServerFrame,
    ),
    framesTarget(
      "frames of gossip",
      GOSSIPED,
      () => createGossipFrameDecoder(1_000),
      ({ bytes }) => bytes,
    ),
    {
      name: "addresses of peers",
      draw: (random) => mutate(random, [encodeUtf8(PEERS.join("\n"))]),
      run: (input) => void decodePeers(input),
    },
  ];
}
