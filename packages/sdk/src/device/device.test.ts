import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { deriveAddress } from "@lhg/protocol/core/account";
import { encodeUtf8, equalBytes, toHex, ZERO32 } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import type { Decimal } from "@lhg/protocol/core/decimal";
import { LhgError } from "@lhg/protocol/core/errors";
import { submission } from "@lhg/protocol/core/statement/submission";
import {
  advanceStream,
  checkFillId,
  emptyStream,
  placeCollection,
} from "@lhg/protocol/modules/collection/streams";
import { resolveSenml } from "@lhg/protocol/senml/resolve";
import { prepareStatement } from "@lhg/protocol/statements";
import fc from "fast-check";
import { nobleCrypto } from "../crypto/noble.ts";
import { keyFromSeed, signerFromSecret } from "../keys/keys.ts";
import { createDevice, type DeviceOptions } from "./device.ts";
import { createFileStore } from "./file-store.ts";
import { type DeviceStore, decodeState } from "./state.ts";
import { createWebStore } from "./web-store.ts";

const real = signerFromSecret(keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(1)));
/** Signing is not what is tested here, and properties run it often: as distinct as real ones, and fast. */
const signer = {
  publicKey: real.publicKey,
  sign: (message: Uint8Array) => {
    const hash = nobleCrypto.sha256(message);
    return new Uint8Array([...hash, ...hash]);
  },
};
const address = deriveAddress(nobleCrypto, signer.publicKey);
const chainId = "test-00112233445566778899aabbccddeeff";
const reading = (value: number): Uint8Array =>
  encodeUtf8(`[{"bn":"urn:dev:mac:1","bt":1700000000,"u":"Cel","v":${value}}]`);

class PowerCut extends Error {}

/** Keeps what was saved; loses power at the save of this number, before or after it took effect. */
function flakyStore(
  cutAt = Number.POSITIVE_INFINITY,
  cutAfter = false,
): DeviceStore & { saved?: Uint8Array } {
  let saves = 0;
  const store: DeviceStore & { saved?: Uint8Array } = {
    load: async () => store.saved,
    save: async (state) => {
      saves += 1;
      if (saves === cutAt && !cutAfter) throw new PowerCut();
      store.saved = state;
      if (saves === cutAt) throw new PowerCut();
    },
  };
  return store;
}

/** The chain's own rules of a stream. */
function fakeChain() {
  const chain = {
    stream: emptyStream(address),
    ids: new Map<number, string>(),
    readings: [] as number[],
    isDown: false,
    send: async (bytes: Uint8Array): Promise<void> => {
      if (chain.isDown) throw new Error("network down");
      const statement = prepareStatement(nobleCrypto, decode(submission, bytes, "submission"));
      assert.equal(statement.kind, "collection");
      if (statement.kind !== "collection") return;
      const { payload, id } = statement;
      const known = chain.ids.get(payload.seq);
      assert.ok(known === undefined || known === toHex(id), `sequence ${payload.seq} is used twice`);
      const placement = placeCollection(chain.stream, payload);
      checkFillId(chain.stream, placement, id);
      chain.stream = advanceStream(chain.stream, placement, payload, id);
      chain.ids.set(payload.seq, toHex(id));
      for (const { value } of resolveSenml(payload.readings)) chain.readings.push(toNumber(value as Decimal));
    },
    isKnown: async (id: Uint8Array) => [...chain.ids.values()].includes(toHex(id)),
  };
  return chain;
}

function toNumber({ mantissa, exponent }: Decimal): number {
  return Number(mantissa) * 10 ** exponent;
}

function start(store: DeviceStore, options: Partial<DeviceOptions> = {}) {
  return createDevice({ signer, chainId, store, ...options });
}

test("collections chain from the zero id, and survive a restart before they are sent", async () => {
  const store = flakyStore();
  const chain = fakeChain();
  const first = await start(store);
  await first.record(reading(1));
  await first.record(reading(2));
  const second = await start(store);
  await second.record(reading(3));
  const result = await second.flush(chain.send);
  assert.deepEqual(result, { acknowledged: 3, pending: 0 });
  assert.equal(chain.stream.headSeq, 3);
  assert.deepEqual(chain.stream.gaps, []);
  assert.deepEqual(await second.flush(chain.send), { acknowledged: 0, pending: 0 });
});

test("no crash of the store or the network makes a fork, a gap or a loss", async () => {
  const step = fc.oneof(
    { weight: 4, arbitrary: fc.constant("record" as const) },
    { weight: 2, arbitrary: fc.constant("flush" as const) },
    { weight: 1, arbitrary: fc.constant("lost-answer" as const) },
    { weight: 1, arbitrary: fc.constant("restart" as const) },
  );
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.nat({ max: 30 }),
      fc.boolean(),
      fc.boolean(),
      async (steps, cutAt, cutAfter, asks) => {
        const chain = fakeChain();
        let store = flakyStore(cutAt, cutAfter);
        let device = await start(store);
        const restart = async () => {
          const { saved } = store;
          store = flakyStore();
          if (saved !== undefined) store.saved = saved;
          device = await start(store);
        };
        const recorded: number[] = [];
        const loseAnswer = async (bytes: Uint8Array) => {
          await chain.send(bytes);
          throw new Error("the answer was lost");
        };
        const flushOptions = asks ? { isKnown: chain.isKnown } : {};
        for (const [i, name] of steps.entries()) {
          try {
            if (name === "record") {
              await device.record(reading(i));
              recorded.push(i);
            } else if (name === "restart") await restart();
            else {
              const { problem } = await device.flush(
                name === "flush" ? chain.send : loseAnswer,
                flushOptions,
              );
              assert.ok(!(problem instanceof LhgError), String(problem));
            }
          } catch (error) {
            if (!(error instanceof PowerCut)) throw error;
            await restart();
          }
        }
        await restart();
        const { pending } = await device.flush(chain.send, flushOptions);
        assert.equal(pending, 0);
        assert.deepEqual(chain.stream.gaps, []);
        for (const value of recorded) assert.ok(chain.readings.includes(value));
      },
    ),
    { numRuns: 60 },
  );
});

test("a device that lost its memory is stopped, not silently swallowed", async () => {
  const chain = fakeChain();
  const before = await start(flakyStore());
  await before.record(reading(1));
  await before.flush(chain.send);
  const store = flakyStore();
  const after = await start(store);
  await after.record(reading(2));
  const sendDistinct = async () => {
    throw new LhgError("collection.sequence-used", "this sequence is taken", "collection.seq");
  };
  const result = await after.flush(sendDistinct);
  assert.equal(result.acknowledged, 0);
  assert.equal((result.problem as LhgError).code, "collection.sequence-used");
  await assert.rejects(after.record(reading(3)), { code: "device.blocked" });
  await assert.rejects((await start(store)).record(reading(3)), { code: "device.blocked" });
});

test("recording goes on while a transport hangs", async () => {
  const device = await start(flakyStore());
  await device.record(reading(1));
  const hanging = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const flushing = device.flush(() => {
    begun.resolve();
    return hanging.promise;
  });
  await begun.promise;
  assert.equal((await device.record(reading(2))).seq, 2);
  hanging.resolve();
  assert.deepEqual(await flushing, { acknowledged: 1, pending: 1 });
});

test("what waits is bounded, and room comes back with acknowledgements", async () => {
  const chain = fakeChain();
  const device = await start(flakyStore(), { keptBytesMax: 2_000 });
  let refusal: unknown;
  for (let i = 0; refusal === undefined; i++) {
    assert.ok(i < 100);
    await device.record(reading(i)).catch((error) => {
      refusal = error;
    });
  }
  assert.equal((refusal as LhgError).code, "device.full");
  const { headSeq } = device.state;
  await device.flush(chain.send);
  assert.equal((await device.record(reading(1))).seq, headSeq + 1);
});

test("gaps are filled downward from what is kept", async () => {
  const chain = fakeChain();
  const device = await start(flakyStore());
  const sent: Uint8Array[] = [];
  for (let i = 0; i < 5; i++) await device.record(reading(i));
  await device.flush(async (bytes) => sent.push(bytes));
  // The node lost 1 to 4, and saw only the last.
  await chain.send(sent[4]!);
  const gap = chain.stream.gaps[0]!;
  assert.deepEqual([gap.from, gap.to], [1, 4]);
  await device.fill(gap, chain.send);
  assert.deepEqual(chain.stream.gaps, []);
  await assert.rejects(device.fill({ from: 9, to: 9 }, chain.send), { code: "device.forgotten" });
});

test("batches end by count and by time, and keep every reading", async () => {
  const chain = fakeChain();
  const device = await start(flakyStore(), { batch: { readingsMax: 3, delayMs: 5 } });
  const full = await Promise.all([1, 2, 3].map((value) => device.record(reading(value))));
  assert.deepEqual(
    full.map(({ seq }) => seq),
    [1, 1, 1],
  );
  assert.equal((await device.record(reading(4))).seq, 2);
  await device.flush(chain.send);
  assert.deepEqual([chain.stream.collections, chain.stream.readings], [2, 4]);
});

test("packs larger than the chain takes are split", async () => {
  const chain = fakeChain();
  const limits = { collectionReadingsMax: 4, collectionSizeBytesMax: 100_000 };
  const device = await start(flakyStore(), { limits });
  const records = Array.from({ length: 11 }, (_, i) => `{"n":"urn:dev:1","t":1700000000,"v":${i}}`);
  const { seq } = await device.record(encodeUtf8(`[${records.join()}]`));
  assert.equal(seq, 4);
  await device.flush(chain.send);
  assert.equal(chain.stream.readings, 11);
  const small = { collectionReadingsMax: 4, collectionSizeBytesMax: 100 };
  const narrow = await start(flakyStore(), { limits: small });
  await assert.rejects(narrow.record(reading(1)), { code: "device.too-large" });
  assert.equal(narrow.state.headSeq, 0);
});

test("relative times become absolute, and nonsense takes no sequence", async () => {
  const device = await start(flakyStore(), { nowMs: () => 1_700_000_000_500 });
  const { bytes } = await device
    .record(encodeUtf8('[{"n":"urn:dev:1","t":-1,"v":1}]'))
    .then(() => device.state.kept[0]!);
  const statement = prepareStatement(nobleCrypto, decode(submission, bytes, "submission"));
  assert.ok(statement.kind === "collection");
  const [first] = resolveSenml(statement.payload.readings);
  assert.deepEqual(first!.time, { mantissa: 16_999_999_995n, exponent: -1 });
  assert.ok(equalBytes(statement.payload.prevId, ZERO32));
  for (const text of [
    "",
    "{}",
    "[]",
    "[{}]",
    '[{"bn":"a"}]',
    '[{"n":"a","v":1,"vs":"x"}]',
    '[{"n":"a","v":1234567890123456789012345}]',
  ])
    await assert.rejects(device.record(encodeUtf8(text)), LhgError);
  assert.equal(device.state.headSeq, 1);
});

test("a store of another device, or a damaged one, is refused", async () => {
  const store = flakyStore();
  await (await start(store)).record(reading(1));
  await assert.rejects(start(store, { stream: 1 }), { code: "device.state-foreign" });
  fc.assert(
    fc.property(fc.nat(), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const damaged = store.saved!.slice();
      damaged[at % damaged.length]! ^= flip;
      try {
        decodeState(damaged);
      } catch (error) {
        assert.ok(error instanceof LhgError);
      }
    }),
    { numRuns: 200 },
  );
});

test("stores in files and in browsers keep the state", async () => {
  const folder = await mkdtemp(join(tmpdir(), "lhg-device-"));
  try {
    const path = join(folder, "device.state");
    await (await start(createFileStore(path))).record(reading(1));
    assert.equal((await start(createFileStore(path))).state.headSeq, 1);
    assert.deepEqual((await readdir(folder)).sort(), ["device.state", "device.state.lock"]);
    const items = new Map<string, string>();
    const storage = {
      getItem: (key: string) => items.get(key) ?? null,
      setItem: (key: string, value: string) => void items.set(key, value),
    };
    await (await start(createWebStore(storage, "lhg"))).record(reading(1));
    assert.equal((await start(createWebStore(storage, "lhg"))).state.headSeq, 1);
  } finally {
    await rm(folder, { recursive: true });
  }
});
