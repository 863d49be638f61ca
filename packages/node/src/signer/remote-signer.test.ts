import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, stat } from "node:fs/promises";
import { createServer, connect as dial, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect as dialTls } from "node:tls";
import { CHANGE_VIEW, COMMIT, PREPARE_RESPONSE } from "@lhg/protocol/core/block/certificate";
import { concatBytes } from "@lhg/protocol/core/bytes";
import fc from "fast-check";
import { createRandom } from "../store/memory-store.ts";
import { makeCertificate, WITHOUT_OPENSSL } from "../tls/testing.ts";
import { createFileBytes } from "./guard-slots.ts";
import { connectRemoteSigner, type RemoteSignerOptions } from "./remote-signer.ts";
import { openSignGuard, type SignerLog } from "./sign-guard.ts";
import type { SignerTls } from "./signer-address.ts";
import { parseSignerAddress } from "./signer-address.ts";
import { type SignerServerOptions, startSignerServer } from "./signer-server.ts";
import { createFrameReader, encodeFrame, FRAME_BYTES_MAX, type Frame } from "./signer-wire.ts";
import { createCrashingSlots, makeSigner, signBytesOf } from "./testing.ts";

const silent: SignerLog = () => {};
const H1 = new Uint8Array(32).fill(1);
const H2 = new Uint8Array(32).fill(2);

let folder: string;
let sockets = 0;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-signer-"));
});
after(() => rm(folder, { recursive: true }));

const nextAddress = (): string => `unix:${join(folder, `${++sockets}.sock`)}`;
const pathOf = (address: string): string => address.slice("unix:".length);

function vote(type: typeof COMMIT | typeof PREPARE_RESPONSE, view: number, blockHash = H1): Uint8Array {
  return signBytesOf({ type, scope: { chainId: "test-00", epoch: 0, height: 9 }, view, blockHash });
}

async function start(options: Partial<SignerServerOptions> = {}) {
  const signer = makeSigner();
  const disk = createCrashingSlots(createFileBytes(signer.publicKey), createRandom(1));
  const guard = await openSignGuard({ signer, file: disk.file, log: silent });
  const serve = (address: string) => startSignerServer({ guard, address, log: silent, ...options });
  const server = await serve(options.address ?? nextAddress());
  return { signer, disk, guard, server, serve };
}

function connect(address: string, options: Partial<RemoteSignerOptions> = {}) {
  return connectRemoteSigner({ address, timeoutMs: 5_000, log: silent, ...options });
}

/** However it ends; `once` of node:events would reject on an error. */
const closed = (socket: Socket): Promise<unknown> => new Promise((resolve) => socket.once("close", resolve));

/** Everything that the other side says until it ends the connection. */
async function readToEnd(socket: Socket): Promise<Frame[]> {
  const reader = createFrameReader();
  const frames: Frame[] = [];
  socket.on("data", (chunk) => frames.push(...reader.push(chunk)));
  socket.on("error", () => {});
  await closed(socket);
  return frames;
}

const frame: fc.Arbitrary<Frame> = (() => {
  const id = fc.nat(0xffffffff);
  const sized = (min: number, max: number) => fc.uint8Array({ minLength: min, maxLength: max });
  const plain = { noNullPrototype: true } as const;
  return fc.oneof(
    fc.record({ kind: fc.constant("hello" as const), publicKey: sized(32, 32) }, plain),
    fc.record({ kind: fc.constant("sign" as const), id, message: sized(1, 256) }, plain),
    fc.record({ kind: fc.constant("signature" as const), id, signature: sized(64, 64) }, plain),
    fc.record(
      { kind: fc.constant("refused" as const), id, reason: fc.stringMatching(/^[ -~]{0,256}$/) },
      plain,
    ),
  );
})();

test("frames come out as they went in, however the stream is cut", () => {
  fc.assert(
    fc.property(
      fc.array(frame, { maxLength: 6 }),
      fc.array(fc.nat(2_000), { maxLength: 6 }),
      (frames, cuts) => {
        const encoded = frames.map(encodeFrame);
        for (const each of encoded) assert.ok(each.length <= FRAME_BYTES_MAX);
        const stream = concatBytes(...encoded);
        const reader = createFrameReader();
        const read: Frame[] = [];
        const places = [0, ...cuts.map((cut) => Math.min(cut, stream.length)), stream.length].sort(
          (a, b) => a - b,
        );
        for (const [i, place] of places.slice(1).entries())
          read.push(...reader.push(stream.slice(places[i], place)));
        assert.deepEqual(read, frames);
        assert.equal(reader.isUnfinished, false);
      },
    ),
  );
});

test("a vote is signed over a socket, a conflicting one refused with its reason, and the connection stays", async () => {
  const { signer, server } = await start();
  const remote = await connect(server.address, { expectedPublicKey: signer.publicKey });
  assert.deepEqual(remote.publicKey, signer.publicKey);
  assert.deepEqual(await remote.sign(vote(COMMIT, 0)), await signer.sign(vote(COMMIT, 0)));
  await assert.rejects(remote.sign(vote(COMMIT, 0, H2)), {
    code: "signer.refused",
    message: /blockHash: differs/,
  });
  await assert.rejects(remote.sign(H1), { code: "signer.refused", message: /expected the signed bytes/ });
  await assert.rejects(remote.sign(new Uint8Array(257)), { code: "signer.refused" });
  assert.equal((await remote.sign(vote(COMMIT, 1))).length, 64);
  await remote.close();
  await assert.rejects(remote.sign(vote(COMMIT, 1)), { code: "signer.closed" });
  await server.stop();
});

test("requests are pipelined: what is asked together costs one write of the memory", async () => {
  const { disk, server } = await start();
  const remote = await connect(server.address);
  const before = disk.syncs;
  const claim = { view: 0, blockHash: H1 };
  const scope = { chainId: "test-00", epoch: 0, height: 9 };
  const change = signBytesOf({ type: CHANGE_VIEW, scope, view: 1, prepared: claim });
  await Promise.all([vote(PREPARE_RESPONSE, 0), vote(COMMIT, 0), change].map((each) => remote.sign(each)));
  assert.ok(disk.syncs - before < 3, `${disk.syncs - before} writes`);
  await remote.close();
  await server.stop();
});

test("what was under way when the connection broke is asked again, in order", async () => {
  const address = nextAddress();
  const { guard, server } = await start({ address });
  const remote = await connect(address);
  await remote.sign(vote(PREPARE_RESPONSE, 0));
  await server.stop();
  const asked = [vote(PREPARE_RESPONSE, 0), vote(COMMIT, 0), vote(PREPARE_RESPONSE, 1)].map((m) =>
    remote.sign(m),
  );
  const again = await startSignerServer({ guard, address, log: silent });
  for (const signature of await Promise.all(asked)) assert.equal(signature.length, 64);
  await remote.close();
  await again.stop();
});

test("nobody listens, somebody is silent, or signs wrongly: unreachable", async () => {
  await assert.rejects(connect(nextAddress(), { timeoutMs: 50 }), { code: "signer.unreachable" });
  const address = nextAddress();
  const { publicKey } = makeSigner();
  const reconnected = Promise.withResolvers<void>();
  let connections = 0;
  let answer: ((id: number) => Frame) | undefined;
  const fake = createServer((socket) => {
    if (++connections === 2) reconnected.resolve();
    socket.on("error", () => {});
    socket.write(encodeFrame({ kind: "hello", publicKey }));
    const reader = createFrameReader();
    socket.on("data", (chunk) => {
      for (const each of reader.push(chunk))
        if (each.kind === "sign" && answer !== undefined) socket.write(encodeFrame(answer(each.id)));
    });
  });
  fake.listen(pathOf(address));
  await once(fake, "listening");
  const remote = await connect(address, { timeoutMs: 500 });
  await assert.rejects(remote.sign(vote(COMMIT, 0)), { code: "signer.unreachable" });
  await reconnected.promise;
  answer = (id) => ({ kind: "signature", id, signature: new Uint8Array(64) });
  await assert.rejects(remote.sign(vote(COMMIT, 0)), { code: "signer.unreachable" });
  await remote.close();
  fake.close();
});

test("another key than the expected one is not taken", async () => {
  const { server } = await start();
  await assert.rejects(connect(server.address, { expectedPublicKey: H1 }), { code: "signer.key" });
  await server.stop();
});

test("who sends garbage, never ends a frame, or asks for too much that is refused is cut off, and others are not", async () => {
  const limits = { frameTimeoutMs: 20, refusalsMax: 3 };
  const { server } = await start({ limits });
  const remote = await connect(server.address);
  const talk = async (bytes: Uint8Array): Promise<Frame[]> => {
    const socket = dial(pathOf(server.address));
    socket.write(bytes);
    return readToEnd(socket);
  };
  const hello = (frames: Frame[]) => frames.map(({ kind }) => kind).join();
  assert.equal(hello(await talk(Uint8Array.of(0xff, 0xff, 1))), "hello");
  assert.equal(hello(await talk(Uint8Array.of(0, 0))), "hello");
  assert.equal(hello(await talk(encodeFrame({ kind: "refused", id: 1, reason: "no" }))), "hello");
  assert.equal(hello(await talk(encodeFrame({ kind: "sign", id: 1, message: H1 }).subarray(0, 9))), "hello");
  const nonsense = Array.from({ length: 9 }, (_, id) => encodeFrame({ kind: "sign", id, message: H1 }));
  const refused = await talk(concatBytes(...nonsense));
  assert.ok(refused.length < 9 && refused.every(({ kind }) => kind !== "signature"));
  assert.equal((await remote.sign(vote(COMMIT, 0))).length, 64);
  await remote.close();
  await server.stop();
});

test("a client that does not read is cut off, and one beyond the cap is not let in", async () => {
  const { server } = await start({ limits: { unreadBytesMax: 1_000, refusalsMax: 1e9, connectionsMax: 1 } });
  const deaf = dial(pathOf(server.address));
  deaf.on("error", () => {});
  await once(deaf, "connect");
  assert.deepEqual(await readToEnd(dial(pathOf(server.address))), []);
  const request = encodeFrame({ kind: "sign", id: 1, message: vote(COMMIT, 0) });
  const flood = (): void => {
    while (!deaf.destroyed && deaf.write(request));
    if (!deaf.destroyed) deaf.once("drain", flood);
  };
  flood();
  deaf.pause();
  // Paused it hears no end of the stream; its writes fail.
  await closed(deaf);
  await server.stop();
});

test("the socket is its owner's, a stale one is replaced, one in use is not", async () => {
  const { server, serve } = await start();
  const path = pathOf(server.address);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  await assert.rejects(serve(server.address), { code: "signer.in-use" });
  await server.stop();
  const open = await start({ address: server.address, isOpenToGroup: true });
  assert.equal((await stat(path)).mode & 0o777, 0o660);
  await open.server.stop();
});

test("addresses", async () => {
  assert.deepEqual(parseSignerAddress("unix:/run/lhg/signer.sock"), {
    kind: "unix",
    path: "/run/lhg/signer.sock",
  });
  assert.deepEqual(parseSignerAddress("tcp:[::1]:7100"), { kind: "tcp", host: "::1", port: 7100 });
  assert.deepEqual(parseSignerAddress("tcp:signer.example:7100"), {
    kind: "tcp",
    host: "signer.example",
    port: 7100,
  });
  for (const text of [
    "",
    "/run/x",
    "unix:",
    `unix:/${"x".repeat(108)}`,
    "tcp:host",
    "tcp:host:70000",
    "tcp:a b:1",
  ])
    assert.throws(() => parseSignerAddress(text), { code: "signer.address" }, text);
  await assert.rejects(start({ address: "tcp:127.0.0.1:0" }), { code: "signer.tls" });
  await assert.rejects(connect("tcp:127.0.0.1:1"), { code: "signer.tls" });
});

test("over TCP both sides show the certificate that the other one pinned", {
  skip: WITHOUT_OPENSSL,
}, async () => {
  const [signerSide, nodeSide, stranger] = ["signer", "node", "stranger"].map((name) =>
    makeCertificate(folder, name),
  );
  const pair = (own: typeof signerSide, peer: typeof signerSide): SignerTls => ({
    certificate: own!.cert,
    key: own!.key,
    peerCertificate: peer!.cert,
  });
  const mixed = { ...pair(signerSide, nodeSide), key: nodeSide!.key };
  await assert.rejects(start({ address: "tcp:127.0.0.1:0", tls: mixed }), { code: "signer.tls" });
  const noPem = { ...pair(nodeSide, signerSide), peerCertificate: "" };
  await assert.rejects(connect("tcp:127.0.0.1:1", { tls: noPem }), { code: "signer.tls" });
  const turnedAway: string[] = [];
  const log: SignerLog = (_level, _fields, message) => turnedAway.push(message);
  const { server } = await start({ address: "tcp:127.0.0.1:0", tls: pair(signerSide, nodeSide), log });
  const remote = await connect(server.address, { tls: pair(nodeSide, signerSide) });
  assert.equal((await remote.sign(vote(COMMIT, 0))).length, 64);
  await remote.close();
  const unreachable = { code: "signer.unreachable" };
  await assert.rejects(
    connect(server.address, { tls: pair(stranger, signerSide), timeoutMs: 200 }),
    unreachable,
  );
  await assert.rejects(
    connect(server.address, { tls: pair(nodeSide, stranger), timeoutMs: 200 }),
    unreachable,
  );
  const port = Number(server.address.split(":").at(-1));
  const { cert, key } = stranger!;
  const intruder = dialTls({ port, host: "127.0.0.1", cert, key, rejectUnauthorized: false });
  assert.deepEqual(await readToEnd(intruder), []);
  assert.ok(turnedAway.some((message) => message.includes("turned away")));
  const bare = dialTls({ port, host: "127.0.0.1", rejectUnauthorized: false });
  assert.deepEqual(await readToEnd(bare), []);
  const old = dialTls({ port, host: "127.0.0.1", rejectUnauthorized: false, maxVersion: "TLSv1.2" });
  assert.deepEqual(await readToEnd(old), []);
  await server.stop();
});
