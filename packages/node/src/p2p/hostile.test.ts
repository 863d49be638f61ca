/** Peers that do what no honest one does: refused with a reason, while others are served. */
import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import { generateKeyPairFromSeed } from "@libp2p/crypto/keys";
import { identify } from "@libp2p/identify";
import type { Libp2p, Stream } from "@libp2p/interface";
import { noise } from "@libp2p/noise";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { type Multiaddr, multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import type { P2pBounds } from "./bounds.ts";
import { TOPIC_BYTES_MAX } from "./network.ts";
import { encodeAskerFrame, encodeServerFrame } from "./question-frames.ts";
import { collect, meet, seedOf, startTestingNode, type TestingNode } from "./testing-libp2p.ts";

const CHAIN = "test-00";
const QUESTIONS = `/lhg/${CHAIN}/questions/1`;
const CONSENSUS = `/lhg/${CHAIN}/consensus/1`;
const STATEMENTS = `/lhg/${CHAIN}/statements/1`;

interface Attacker {
  readonly node: Libp2p;
  open(protocol: string): Promise<Stream>;
  /** What the victim opened to us. */
  readonly opened: Promise<Stream>;
}

const addressOf = ({ network }: TestingNode): Multiaddr => multiaddr(network.listenAddresses()[0]);

/** Has our protocols and says what it likes. */
async function startAttacker(number: number, victim: TestingNode): Promise<Attacker> {
  const node = await createLibp2p({
    privateKey: await generateKeyPairFromSeed("Ed25519", seedOf(number)),
    transports: [tcp()],
    connectionEncrypters: [noise()],
    streamMuxers: [yamux()],
    services: { identify: identify({ protocolPrefix: "lhg" }) },
  });
  let note = (_: Stream): void => {};
  const opened = new Promise<Stream>((resolve) => {
    note = resolve;
  });
  await node.handle(QUESTIONS, (stream) => note(stream));
  for (const topic of [CONSENSUS, STATEMENTS]) await node.handle(topic, () => {});
  const connection = await node.dial(addressOf(victim));
  return { node, opened, open: (protocol) => connection.newStream(protocol) };
}

async function withVictim(
  run: (victim: TestingNode, attacker: Attacker) => Promise<void>,
  bounds: Partial<P2pBounds> = {},
): Promise<void> {
  const victim = await startTestingNode(1, {}, bounds);
  const honest = await startTestingNode(2, { peers: victim.network.listenAddresses() });
  await meet(victim, honest);
  const attacker = await startAttacker(3, victim);
  await run(victim, attacker);
  const atVictim = collect(victim, "consensus");
  honest.network.publish("consensus", encodeUtf8("vote"));
  await atVictim.next();
  await attacker.node.stop();
  await honest.network.stop();
  await victim.network.stop();
}

const isBannedFor =
  (wanted: string) =>
  ({ code, reason }: { readonly code?: string; readonly reason?: string }): boolean =>
    code === "peer.banned" && reason === wanted;

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const BROKEN: readonly (readonly [string, string, Uint8Array, string])[] = [
  ["a question longer than any", QUESTIONS, uint32(64 << 20), "peer.malformed"],
  ["a frame of no type", QUESTIONS, Buffer.concat([uint32(5), Buffer.alloc(5)]), "peer.malformed"],
  [
    "an answer in place of a question",
    QUESTIONS,
    encodeServerFrame({ type: "pong", id: 1 }),
    "peer.malformed",
  ],
  ["gossip longer than its topic allows", CONSENSUS, Uint8Array.of(0x80, 0x80, 0x80, 0x02), "peer.oversize"],
  ["gossip with a length without end", STATEMENTS, new Uint8Array(8).fill(0xff), "peer.malformed"],
  ["gossip that is no protobuf", STATEMENTS, Uint8Array.of(4, 0xff, 0xff, 0xff, 0xff), "peer.malformed"],
  ["a signed message", CONSENSUS, Uint8Array.of(5, 0x12, 3, 0x2a, 1, 0), "peer.malformed"],
];

for (const [name, protocol, bytes, code] of BROKEN)
  test(`${name} is the last thing that a peer says`, () =>
    withVictim(async (victim, attacker) => {
      const stream = await attacker.open(protocol);
      stream.send(bytes);
      await victim.logged(isBannedFor(code));
    }));

test("an answer that nobody asked for is the last thing that a peer says", () =>
  withVictim(async (victim, attacker) => {
    const stream = await attacker.opened;
    stream.send(encodeServerFrame({ type: "last", id: 7, bytes: new Uint8Array(9) }));
    await victim.logged(isBannedFor("peer.malformed"));
  }));

test("a frame that does not end closes the connection and is scored", () =>
  withVictim(
    async (victim, attacker) => {
      const stream = await attacker.open(QUESTIONS);
      stream.send(uint32(1_000).subarray(0, 3));
      const id = attacker.node.peerId.toString();
      await victim.logged(({ code, peer }) => code === "peer.stalled" && peer === id);
    },
    { stalledTicksMax: 10, readyMs: 60_000 },
  ));

test("who connects and does not speak our protocols is not kept", () =>
  withVictim(
    async (victim, attacker) => {
      const id = attacker.node.peerId.toString();
      await victim.logged(({ code, peer }) => code === "peer.not-ready" && peer === id);
    },
    { readyMs: 1_000 },
  ));

test("a flood of messages bans who sends it", () =>
  withVictim(
    async (victim, attacker) => {
      const stream = await attacker.open(CONSENSUS);
      const frame = encodeGossip(CONSENSUS, encodeUtf8("again"));
      for (let i = 0; i < 600; i++) if (stream.status === "open") stream.send(frame);
      await victim.logged(isBannedFor("peer.excessive"));
    },
    { gossipMessagesPerSecond: 10, gossipMessagesBurst: 500 },
  ));

test("a flood of bytes bans who sends it, and is not kept", () =>
  withVictim(
    async (victim, attacker) => {
      const stream = await attacker.open(STATEMENTS);
      for (let i = 0; i < 20; i++) {
        const message = new Uint8Array(TOPIC_BYTES_MAX.statements >> 2).fill(i);
        if (stream.status === "open") stream.send(encodeGossip(STATEMENTS, message));
      }
      await victim.logged(isBannedFor("peer.excessive"));
    },
    { gossipBytesPerSecond: 1, gossipBytesBurst: 5 << 20 },
  ));

test("a flood of questions bans who sends it", () =>
  withVictim(
    async (victim, attacker) => {
      const stream = await attacker.open(QUESTIONS);
      const ping = encodeAskerFrame({ type: "ping", id: 1 });
      for (let i = 0; i < 600; i++) if (stream.status === "open") stream.send(ping);
      await victim.logged(isBannedFor("peer.excessive"));
    },
    { framesPerSecond: 10, framesBurst: 500 },
  ));

test("a flood of streams bans who opens them", () =>
  withVictim(
    async (victim, attacker) => {
      for (let i = 0; i < 12; i++) {
        const stream = await attacker.open("/lhg/id/1.0.0").catch(() => undefined);
        stream?.abort(new Error("never mind"));
      }
      await victim.logged(isBannedFor("peer.excessive"));
    },
    { streamsPerSecond: 0, streamsBurst: 8 },
  ));

function encodeGossip(topic: string, data: Uint8Array): Uint8Array {
  const varint = (value: number): number[] =>
    value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...varint(value >> 7)];
  const field = (number: number, bytes: Uint8Array): Uint8Array =>
    Buffer.concat([Uint8Array.from([(number << 3) | 2, ...varint(bytes.length)]), bytes]);
  const rpc = field(2, Buffer.concat([field(2, data), field(4, encodeUtf8(topic))]));
  return Buffer.concat([Uint8Array.from(varint(rpc.length)), rpc]);
}

function openSocket(victim: TestingNode): Socket {
  const { port } =
    addressOf(victim)
      .toString()
      .match(/\/tcp\/(?<port>\d+)\//)?.groups ?? {};
  return connect(Number(port), "127.0.0.1").on("error", () => {});
}

const nextEvent = (socket: Socket, name: "connect" | "close"): Promise<void> =>
  new Promise((resolve) => {
    if (name === "close" && socket.closed) resolve();
    else socket.once(name, () => resolve());
  });

test("garbage on the socket and sockets that say nothing are closed, and honest peers come in", async () => {
  const victim = await startTestingNode(1, {}, { handshakesMax: 16, handshakeMs: 1_000 });
  const garbage = openSocket(victim);
  await nextEvent(garbage, "connect");
  garbage.write(Buffer.alloc(70_000, 0xa5));
  const silent = Array.from({ length: 20 }, () => openSocket(victim));
  await Promise.all([garbage, ...silent].map((socket) => nextEvent(socket, "close")));
  const honest = await startTestingNode(2, { peers: victim.network.listenAddresses() });
  await meet(victim, honest);
  await honest.network.stop();
  await victim.network.stop();
});

test("an address has so many sockets and no more", async () => {
  const victim = await startTestingNode(
    1,
    {},
    { limitLoopback: true, socketsPerIpMax: 3, dialsPerIpBurst: 100, handshakeMs: 60_000 },
  );
  const held = Array.from({ length: 3 }, () => openSocket(victim));
  await Promise.all(held.map((socket) => nextEvent(socket, "connect")));
  const late = openSocket(victim);
  await nextEvent(late, "close");
  assert.deepEqual(
    held.map(({ closed }) => closed),
    [false, false, false],
  );
  for (const socket of held) socket.destroy();
  const honest = await startTestingNode(2, { peers: victim.network.listenAddresses() });
  await meet(victim, honest);
  await honest.network.stop();
  await victim.network.stop();
});
