import assert from "node:assert/strict";
import { test } from "node:test";
import { deriveAddress } from "@lhg/protocol/core/account";
import { decodeUtf8, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { computeStatementId, decodeSign1 } from "@lhg/protocol/core/cose";
import { ALG_EDDSA, type PublicKey } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { capture } from "@lhg/protocol/core/statement/capture";
import { submission } from "@lhg/protocol/core/statement/submission";
import type { StatementState, SubmitResult } from "@lhg/sdk/client/types";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { keyFromSeed } from "@lhg/sdk/keys/keys";
import fc from "fast-check";
import { createCrashingFiles } from "../../store/memory-file-port.ts";
import { createRandom } from "../../store/memory-store.ts";
import { makeEvent } from "./event.ts";
import { isTransient, loadDoneThrough, type OutboxParts, openOutbox } from "./outbox.ts";
import { openSpool } from "./spool.ts";

const publicKey: PublicKey = {
  alg: ALG_EDDSA,
  bytes: keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(1)).publicKey,
};
/** Signing is not what is tested here: as distinct as real ones, and fast. */
const makeSigner = (key = publicKey) => ({
  publicKey: key,
  sign: (message: Uint8Array) => {
    const hash = nodeCrypto.sha256(message);
    return new Uint8Array([...hash, ...hash]);
  },
});
const vendor = deriveAddress(nodeCrypto, publicKey);
const device = {
  deviceId: "urn:dev:mac:1",
  items: ["urn:dev:mac:1"],
  readings: { t: { type: "Temperature", uom: "CEL" } },
};
const eventOf = (n: number): string =>
  makeEvent("test", device, [{ name: "t", timeMs: 1_700_000_000_000 + n, text: String(n) }]);
const numberIn = (event: string): number => Number(/"value":(\d+)/.exec(event)![1]);

class PowerCut extends Error {}

/** The chain's own rules of captures, and a network that fails. */
function fakeChain(random: (bound: number) => number) {
  const chain = {
    next: 0,
    isCalm: false,
    /** Numbers of events that spoil their capture. */
    poison: new Set<number>(),
    committed: new Map<string, { status: string; numbers: number[] }>(),
    pending: undefined as { id: string; numbers: number[] } | undefined,
    refused: new Set<string>(),
    settle(): void {
      const { pending } = chain;
      chain.pending = undefined;
      if (pending === undefined) return;
      const status = pending.numbers.some((n) => chain.poison.has(n)) ? "trace.scope" : "ok";
      chain.committed.set(pending.id, { status, numbers: pending.numbers });
      chain.next += 1;
    },
    /** Another program captures for the vendor, and takes the number. */
    disturb(): void {
      if (chain.pending !== undefined) chain.refused.add(chain.pending.id);
      chain.pending = undefined;
      chain.next += 1;
    },
  };
  const away = (): void => {
    if (!chain.isCalm && random(6) === 0) throw new LhgError("client.unreachable", "is away");
  };
  const stateOf = (id: string): StatementState => {
    const found = chain.committed.get(id);
    if (found !== undefined) return { id, state: "committed", height: 1, status: found.status };
    if (chain.pending?.id === id) return { id, state: "pending" };
    return chain.refused.has(id)
      ? { id, state: "refused", code: "capture.sequence-used", field: "", message: "" }
      : { id, state: "unknown" };
  };
  const client: OutboxParts["client"] = {
    async submit(bytes): Promise<SubmitResult> {
      away();
      const { statement, body } = decode(submission, bytes, "submission");
      const sign1 = decodeSign1(statement);
      const { captureSeq } = decode(capture, sign1.payload, "capture");
      const id = toHex(computeStatementId(nodeCrypto, sign1));
      // A node that is behind knows of no delegation yet; what it took before may be committed all the same.
      if (!chain.isCalm && random(6) === 0)
        return { id, state: "refused", code: "statement.key", field: "", message: "" };
      if (chain.committed.has(id) || chain.pending?.id === id) return { id, state: "accepted" };
      if (captureSeq < chain.next)
        return { id, state: "refused", code: "capture.sequence-used", field: "", message: "" };
      if (captureSeq > chain.next || chain.pending !== undefined || (!chain.isCalm && random(8) === 0))
        return {
          id,
          state: "not-yet",
          code: "credit.insufficient",
          field: "capture",
          message: "needs credit",
        };
      chain.pending = { id, numbers: body!.slice(1, -1).map((slice) => numberIn(decodeUtf8(slice))) };
      if (chain.isCalm || random(2) === 0) chain.settle();
      else if (random(4) === 0) chain.disturb();
      away();
      return { id, state: "accepted" };
    },
    async waitFor(id) {
      away();
      if (chain.isCalm || random(2) === 0) chain.settle();
      return stateOf(id);
    },
    async getStatementState(id) {
      away();
      return stateOf(id);
    },
    getStatement: async () => ({ failure: { field: "epcList[0]", message: "is beyond the scope" } }) as never,
    getVendor: async () => {
      away();
      return { nextCaptureSeq: chain.next } as never;
    },
  };
  return { chain, client };
}

function cuttingStore(cuts: (bound: number) => number) {
  let saved: Uint8Array | undefined;
  return {
    isCutting: true,
    load: async () => saved,
    async save(state: Uint8Array) {
      if (this.isCutting && cuts(10) === 0) throw new PowerCut();
      saved = state;
      if (this.isCutting && cuts(10) === 0) throw new PowerCut();
    },
  };
}

test("every acknowledged event is recorded once, whatever crashes, is away or takes its number", async () => {
  const run = async (seed: number, count: number): Promise<void> => {
    const random = createRandom(seed);
    const { chain, client } = fakeChain(random);
    const files = createCrashingFiles(seed);
    const store = cuttingStore(random);
    const kept: number[] = [];
    const acknowledged = new Set<number>();
    chain.poison.add(2);
    const open = async () => {
      const spool = await openSpool(files.port, await loadDoneThrough(store));
      // Now and then the gateway comes back with another key.
      const key = random(3) === 0 ? { ...publicKey, bytes: new Uint8Array(32).fill(9) } : publicKey;
      const outbox = await openOutbox({
        client,
        chainId: "test-00112233445566778899aabbccddeeff",
        vendor,
        signer: makeSigner(key),
        store,
        spool,
        eventsMax: 4,
        nowMs: () => 1_700_000_000_000,
        keepRefused: async (event) => void kept.push(numberIn(event)),
        onRecorded: () => {},
      });
      return { spool, outbox };
    };
    let life = await open();
    const restart = async (): Promise<void> => {
      if (random(2) === 0) files.crash();
      else files.kill();
      life = await open();
    };
    for (let n = 0; n < count; n++) {
      try {
        await life.spool.add(eventOf(n));
        acknowledged.add(n);
        for (let steps = random(4); steps > 0; steps--) await life.outbox.step();
        if (random(5) === 0) chain.disturb();
        if (random(8) === 0) await restart();
      } catch (error) {
        if (error instanceof PowerCut) await restart();
        else if (!isTransient(error)) throw error;
      }
    }
    chain.isCalm = true;
    store.isCutting = false;
    await restart();
    for (let steps = 0; life.spool.count > 0; steps++) {
      assert.ok(steps < 200, "it goes on");
      await life.outbox.step();
      chain.settle();
    }
    chain.settle();
    await life.spool.close();
    const recorded = [...chain.committed.values()]
      .filter(({ status }) => status === "ok")
      .flatMap(({ numbers }) => numbers);
    assert.equal(new Set(recorded).size, recorded.length, `twice: ${recorded}`);
    for (const n of acknowledged)
      assert.ok(recorded.includes(n) !== kept.includes(n), `${n}: ${recorded}; ${kept}`);
    if (acknowledged.has(2)) assert.ok(kept.includes(2));
  };
  await fc.assert(fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 25 }), run), { numRuns: 80 });
});

test("a spool is bounded, keeps its order, and forgets what is settled", async () => {
  const files = createCrashingFiles(1);
  const spool = await openSpool(files.port, 0, { countMax: 3, bytesMax: 10_000 });
  for (const event of ["a", "b", "c"]) await spool.add(event);
  await assert.rejects(spool.add("d"), { code: "gateway.full" });
  spool.settle(2);
  await spool.add("e");
  await assert.rejects(spool.add("x".repeat(10_000)), { code: "gateway.full" });
  assert.deepEqual(
    spool.peek(10, 1_000).map(({ number, event }) => [number, event]),
    [
      [3, "c"],
      [4, "e"],
    ],
  );
  assert.deepEqual([spool.peek(1, 1_000).length, spool.peek(10, 1).length], [1, 1]);
  await spool.close();
  const again = await openSpool(files.port, 3);
  assert.deepEqual(
    again.peek(10, 1_000).map(({ event }) => event),
    ["e"],
  );
  await again.close();
});
