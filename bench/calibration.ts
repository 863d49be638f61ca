/** What this machine can do at most, measured first: every figure after is read against it. */
import { randomBytes } from "node:crypto";
import { sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import { openLevelStore } from "../packages/node/src/store/level-store.ts";
import { ALG_EDDSA, type Crypto, type SignatureCheck } from "../packages/protocol/src/core/crypto.ts";
import { nobleCrypto } from "../packages/sdk/src/crypto/noble.ts";
import { nodeCrypto } from "../packages/sdk/src/crypto/node.ts";
import { generateKey, signerFromSecret } from "../packages/sdk/src/keys/keys.ts";
import { buildEvents } from "./documents.ts";
import { type Calibration, type Figure, measureMs, median, rateOf } from "./figures.ts";
import { readMemory, startNode } from "./processes.ts";

const MESSAGE_BYTES = 200;
const BATCH_PUTS = 1_000;
const FILL_BATCHES = 50;
const LOOP_STEPS = 20_000_000;

export async function calibrate(makeDirectory: () => string): Promise<Calibration> {
  const block = randomBytes(64);
  const event = JSON.stringify(buildEvents({ prefix: "9521000", document: 0, events: 1 })[0]);
  return {
    sha256PerSecond: rateOf(() => sodiumCrypto.sha256(block), { count: 100_000 }),
    verifyPerSecond: measureVerify(sodiumCrypto, 2_000),
    nodeVerifyPerSecond: measureVerify(nodeCrypto, 1_000),
    nobleVerifyPerSecond: measureVerify(nobleCrypto, 100),
    ...(await measureStore(makeDirectory())),
    parsesPerSecond: rateOf(() => JSON.parse(event), { count: 50_000 }),
    loopStepsPerSecond: rateOf(runLoop, { count: 1 }) * LOOP_STEPS,
    ...(await measureBareProcess()),
  };
}

export function calibrationFigures(calibration: Calibration): Figure[] {
  const { bareProcessBytes, durablePutMs, bareProcessStartMs } = calibration;
  const perSecond = (name: string, value: number): Figure => ({ name, value, unit: "/s" });
  return [
    perSecond("sha256 of 64 B", calibration.sha256PerSecond),
    perSecond("Ed25519 verify of 200 B, libsodium", calibration.verifyPerSecond),
    perSecond("Ed25519 verify of 200 B, node:crypto", calibration.nodeVerifyPerSecond),
    perSecond("Ed25519 verify of 200 B, noble", calibration.nobleVerifyPerSecond),
    perSecond("store puts in durable batches of 1,000", calibration.putsPerSecond),
    { name: "durable batch of one put, median", value: durablePutMs, unit: "ms" },
    perSecond("store gets at random", calibration.getsPerSecond),
    perSecond("JSON.parse of one event", calibration.parsesPerSecond),
    perSecond("steps of a plain loop", calibration.loopStepsPerSecond),
    { name: "bare Node process, start to first output", value: bareProcessStartMs, unit: "ms" },
    ...(bareProcessBytes === undefined
      ? []
      : [{ name: "bare Node process, resident", value: bareProcessBytes / 1e6, unit: "MB" }]),
  ];
}

function measureVerify(crypto: Crypto, count: number): number {
  const signer = signerFromSecret(generateKey(ALG_EDDSA, (size) => randomBytes(size)));
  const checks = Array.from({ length: 8 }, (): SignatureCheck => {
    const message = randomBytes(MESSAGE_BYTES);
    return { alg: ALG_EDDSA, publicKey: signer.publicKey.bytes, message, signature: signer.sign(message) };
  });
  return rateOf((i) => crypto.verify(checks[i % checks.length]!), { count });
}

async function measureStore(
  directory: string,
): Promise<Pick<Calibration, "putsPerSecond" | "durablePutMs" | "getsPerSecond">> {
  const store = await openLevelStore(directory);
  try {
    const keys: Uint8Array[] = [];
    const rates: number[] = [];
    for (let i = 0; i < FILL_BATCHES; i++) {
      const writes = Array.from({ length: BATCH_PUTS }, () => ({
        key: randomBytes(33),
        value: randomBytes(100),
      }));
      rates.push((BATCH_PUTS / (await measureMs(() => store.commit(writes)))) * 1000);
      for (const { key } of writes) keys.push(key);
    }
    const singles: number[] = [];
    for (let i = 0; i < 50; i++)
      singles.push(await measureMs(() => store.commit([{ key: randomBytes(33), value: randomBytes(100) }])));
    const getsPerSecond = rateOf(() => store.get(keys[Math.floor(Math.random() * keys.length)]!), {
      count: 10_000,
    });
    return { putsPerSecond: median(rates), durablePutMs: median(singles), getsPerSecond };
  } finally {
    await store.close();
  }
}

function runLoop(): number {
  let x = 1;
  for (let i = 0; i < LOOP_STEPS; i++) {
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
  }
  return x;
}

async function measureBareProcess(): Promise<Pick<Calibration, "bareProcessBytes" | "bareProcessStartMs">> {
  const times: number[] = [];
  let bareProcessBytes: number | undefined;
  for (let i = 0; i < 3; i++) {
    const startedMs = performance.now();
    const started = startNode(["-e", "console.log(1); setTimeout(() => {}, 100)"]);
    await started.nextLine();
    times.push(performance.now() - startedMs);
    bareProcessBytes = readMemory(started.child.pid)?.residentBytes;
    started.child.kill();
  }
  return { bareProcessBytes, bareProcessStartMs: median(times) };
}
