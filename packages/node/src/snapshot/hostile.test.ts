/** What a liar may offer: each is refused for what it is, whatever the liar's own hashes say. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { hashHeader } from "@lhg/protocol/core/block/header";
import type { Genesis } from "@lhg/protocol/core/genesis";
import { APP, BASE, ITEMS } from "@lhg/protocol/core/state/partition";
import { GENESIS_MS } from "../application/testing.ts";
import { HEAD_KEY } from "../blocks/store-keys.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { createDevChain } from "../dev-chain.ts";
import { openSampleWorld } from "../queries/testing.ts";
import { createMemoryStore } from "../store/memory-store.ts";
import { CHUNK_BYTES_MAX, encodeChunk, encodeItem, readItems, type SnapshotItem } from "./chunk-format.ts";
import { restoreLedgerFolder } from "./restore-folder.ts";
import { restoreSnapshot } from "./restore-snapshot.ts";
import { describeSnapshot, openSnapshotInfo, type SnapshotInfo, type SnapshotMetadata } from "./snapshot.ts";
import { readTrustPath } from "./snapshot-files.ts";
import { makeFolder, openRestored, takeSnapshot } from "./testing.ts";
import { type TrustedHeader, type TrustPath, verifyTrustPath } from "./trust.ts";

let genesis: Genesis;
let info: SnapshotInfo;
let metadata: SnapshotMetadata;
let chunks: Uint8Array[];
let items: SnapshotItem[];
let path: TrustPath;
let trusted: TrustedHeader;

before(async (context) => {
  const { chain } = await openSampleWorld();
  genesis = chain.dev.genesis;
  const folder = await makeFolder(context as never);
  ({ info, chunks } = await takeSnapshot(chain.application, folder, 4_000));
  metadata = openSnapshotInfo(sodiumCrypto, info);
  items = chunks.flatMap((chunk) => [...readItems(chunk)]);
  path = await readTrustPath(folder, info.height);
  trusted = verifyTrustPath(sodiumCrypto, genesis, path);
});

interface Offer {
  readonly metadata?: Partial<SnapshotMetadata>;
  readonly info?: Partial<SnapshotInfo>;
  readonly chunks?: readonly Uint8Array[];
  /** Served although the metadata names others. */
  readonly served?: readonly Uint8Array[];
}

/** Restores what a liar offers, whose metadata fits its chunks. */
async function restore(offer: Offer): Promise<void> {
  const offered = offer.chunks ?? chunks;
  const hashes = offered.map((chunk) => sodiumCrypto.sha256(chunk));
  const sizeBytes = offered.reduce((sum, chunk) => sum + chunk.length, 0);
  const described = describeSnapshot(sodiumCrypto, {
    ...metadata,
    sizeBytes,
    chunks: hashes,
    ...offer.metadata,
  });
  await restoreSnapshot({
    store: createMemoryStore(),
    crypto: sodiumCrypto,
    genesis,
    info: { ...described, ...offer.info },
    readChunk: async (index) => (offer.served ?? offered)[index]!,
    trusted,
  });
}

const refused = (offer: Offer, code: string, field?: RegExp): Promise<void> =>
  assert.rejects(restore(offer), (error: { code: string; field: string }) => {
    assert.equal(error.code, code);
    if (field !== undefined) assert.match(error.field, field);
    return true;
  });

/** The items in chunks of 20, after a change. */
function changed(change: (items: SnapshotItem[]) => void): Offer {
  const copy = items.map((item) => ({ ...item }));
  change(copy);
  const cut: Uint8Array[] = [];
  for (let at = 0; at < copy.length; at += 20) cut.push(encodeChunk(copy.slice(at, at + 20).map(encodeItem)));
  return { chunks: cut };
}

const flip = (bytes: Uint8Array, at = bytes.length - 1): Uint8Array =>
  bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

const indexOf = (kind: SnapshotItem["kind"], from = 0): number => {
  const found = items.findIndex((item, i) => i >= from && item.kind === kind);
  assert.ok(found >= 0);
  return found;
};

const startOf = (id: Uint8Array): number =>
  items.findIndex((item) => item.kind === "partition" && Buffer.from(item.id).equals(id));

test("what is offered in truth is restored, however it is cut", async () => {
  await restore({});
  await restore(changed(() => undefined));
});

test("chunks other than the metadata names, or none at all", async () => {
  const at = chunks.length - 2;
  const served = (chunk: Uint8Array | undefined): Offer => ({
    served: chunks.map((each, i) => (i === at ? chunk! : each)),
  });
  await refused(served(flip(chunks[at]!)), "snapshot.chunk", new RegExp(`^chunks\\[${at}\\]$`));
  await refused(served(new Uint8Array(0)), "snapshot.chunk", /chunks/);
  await refused(served(chunks[0]), "snapshot.chunk", /chunks/);
  await refused({ chunks: [new Uint8Array(CHUNK_BYTES_MAX + 1)] }, "snapshot.chunk", /^chunks\[0\]$/);
});

test("metadata that contradicts itself or the trusted header", async () => {
  await refused({ info: { format: 2 } }, "snapshot.format");
  await refused({ info: { height: info.height + 1 } }, "snapshot.info", /^height$/);
  await refused({ info: { chunks: 1 } }, "snapshot.info", /^chunks$/);
  await refused({ info: { hash: flip(info.hash) } }, "snapshot.info", /^hash$/);
  await refused({ info: { sizeBytes: 1 } }, "snapshot.info", /^sizeBytes$/);
  await refused({ info: { metadata: new Uint8Array(3) } }, "snapshot.info", /^metadata$/);
  await refused({ info: { metadata: new Uint8Array((1 << 20) + 1) } }, "snapshot.info", /^metadata$/);
  await refused({ metadata: { sizeBytes: info.sizeBytes + 1 } }, "snapshot.info", /^sizeBytes$/);
  await refused({ metadata: { sizeBytes: info.sizeBytes - 1 } }, "snapshot.oversize", /^chunks/);
  const { header } = metadata;
  await refused({ metadata: { header: { ...header, timeMs: header.timeMs + 1 } } }, "snapshot.header");
  await refused({ metadata: { header: { ...header, height: header.height - 1 } } }, "snapshot.header");
  await refused({ metadata: { certificate: flip(metadata.certificate) } }, "snapshot.certificate");
});

test("chunks that are no chunks", async () => {
  const [first, ...others] = chunks;
  await refused({ chunks: [new Uint8Array(0), ...others] }, "snapshot.item", /^chunks\[0\]$/);
  await refused({ chunks: [Uint8Array.of(...first!, 0), ...others] }, "snapshot.item", /^chunks\[0\]$/);
  await refused({ chunks: [first!.subarray(0, 50), ...others] }, "snapshot.item", /^chunks\[0\]$/);
  const strange = encodeChunk([Uint8Array.of(0x82, 9, 0x40)]);
  await refused({ chunks: [first!, strange, ...others] }, "snapshot.item", /^chunks\[1\]$/);
  await refused({ chunks: [flip(first!, 1), ...others] }, "snapshot.item", /^chunks\[0\]$/);
});

test("pairs that were changed, left out, added, repeated or swapped", async () => {
  const isPair = (i: number): boolean => items[i]?.kind === "pair";
  const at = items.findIndex((_, i) => i > startOf(BASE.id) && isPair(i - 1) && isPair(i) && isPair(i + 1));
  const pair = items[at]!;
  assert.ok(pair.kind === "pair");
  await refused(
    changed((all) => all.splice(at, 1, { ...pair, value: flip(pair.value) })),
    "snapshot.partition",
  );
  await refused(
    changed((all) => all.splice(at, 1)),
    "snapshot.partition",
  );
  await refused(
    changed((all) => all.splice(at + 1, 0, { ...pair, key: Uint8Array.of(...pair.key, 0) })),
    "snapshot.partition",
  );
  await refused(
    changed((all) => all.splice(at, 0, pair)),
    "snapshot.order",
  );
  await refused(
    changed((all) => all.splice(at - 1, 2, all[at]!, all[at - 1]!)),
    "snapshot.order",
  );
});

test("partitions that were changed, left out, added, renamed or swapped", async () => {
  const record = items[1]!;
  assert.ok(record.kind === "pair");
  await refused(
    changed((all) => all.splice(1, 1, { ...record, value: flip(record.value) })),
    "snapshot.app-hash",
  );
  await refused(
    changed((all) => all.splice(1, 1)),
    "snapshot.app-hash",
  );
  const base = startOf(BASE.id);
  const following = startOf(ITEMS.id);
  await refused(
    changed((all) => all.splice(base, following - base)),
    "snapshot.partition",
  );
  await refused(
    changed((all) => all.splice(base, 1, { kind: "partition", id: ITEMS.id })),
    "snapshot.partition",
  );
  await refused(
    changed((all) => all.splice(base, 1, { kind: "partition", id: Uint8Array.of(0x81, 0x61, 0x78) })),
    "snapshot.item",
  );
  await refused(
    changed((all) => all.push({ kind: "partition", id: APP.id })),
    "snapshot.partition",
  );
  await refused(
    changed((all) => all.shift()),
    "snapshot.order",
  );
});

test("logs that were changed, cut, lengthened or moved", async () => {
  const leafAt = indexOf("leaf");
  const leaf = items[leafAt]!;
  assert.ok(leaf.kind === "leaf");
  await refused(
    changed((all) => all.splice(leafAt, 1, { kind: "leaf", leaf: flip(leaf.leaf) })),
    "snapshot.log",
  );
  await refused(
    changed((all) => all.splice(leafAt, 1)),
    "snapshot.order",
  );
  await refused(
    changed((all) => all.splice(startOf(BASE.id) + 1, 0, leaf)),
    "snapshot.order",
  );
  const hashesAt = indexOf("hashes");
  const hashes = items[hashesAt]!;
  assert.ok(hashes.kind === "hashes");
  await refused(
    changed((all) => all.splice(hashesAt, 1, { kind: "hashes", hashes: flip(hashes.hashes) })),
    "snapshot.log",
  );
  await refused(
    changed((all) => all.splice(hashesAt, 1)),
    "snapshot.log",
  );
  await refused(
    changed((all) => all.splice(hashesAt, 0, hashes, hashes)),
    "snapshot.log",
  );
  await refused(
    changed((all) => all.splice(startOf(BASE.id) + 1, 0, hashes)),
    "snapshot.order",
  );
});

test("a snapshot that ends early", async () => {
  for (const end of [1, startOf(BASE.id), indexOf("leaf"), indexOf("hashes"), items.length - 1])
    await refused(
      changed((all) => all.splice(end)),
      end === 1 ? "snapshot.app-hash" : "snapshot.end",
    );
  await refused({ chunks: chunks.slice(0, -1) }, "snapshot.end");
});

test("a store that is not empty, and one that was left half restored, which no chain begins on", async (context) => {
  const options = { crypto: sodiumCrypto, genesis, info, trusted };
  const store = createMemoryStore();
  await store.commit([{ key: HEAD_KEY, value: Uint8Array.of(1) }]);
  const readChunk = async (index: number): Promise<Uint8Array> => chunks[index]!;
  await assert.rejects(restoreSnapshot({ ...options, store, readChunk }), { code: "snapshot.store" });

  const half = createMemoryStore();
  const fails = async (index: number): Promise<Uint8Array> => {
    if (index === 2) throw new Error("the power went");
    return chunks[index]!;
  };
  await assert.rejects(restoreSnapshot({ ...options, store: half, readChunk: fails }), /power/);
  await assert.rejects(openRestored(genesis, half), { code: "snapshot.unfinished" });

  const folder = await makeFolder(context);
  await assert.rejects(restoreLedgerFolder(folder, { ...options, readChunk: fails }), /power/);
  await restoreLedgerFolder(folder, { ...options, readChunk });
  await assert.rejects(restoreLedgerFolder(folder, { ...options, readChunk }), {
    code: "snapshot.ledger-exists",
  });
});

test("a path to the header that does not begin with the genesis at hand, or misses what was pinned", () => {
  const other = createDevChain(GENESIS_MS).genesis;
  assert.throws(() => verifyTrustPath(sodiumCrypto, other, path), { code: "header.untrusted" });
  const height = info.height + 1;
  const hash = hashHeader(sodiumCrypto, trusted.header);
  const period = { lengthMs: 1_000, nowMs: trusted.header.timeMs + 500 };
  assert.throws(() => verifyTrustPath(sodiumCrypto, genesis, path, { period }), { code: "trust.expired" });
  verifyTrustPath(sodiumCrypto, genesis, path, { period, pinned: { height, hash } });
  assert.throws(
    () => verifyTrustPath(sodiumCrypto, genesis, path, { pinned: { height, hash: flip(hash) } }),
    {
      code: "trust.pinned",
    },
  );
  const forged = { ...path, header: { ...path.header, certificate: flip(path.header.certificate) } };
  assert.throws(() => verifyTrustPath(sodiumCrypto, genesis, forged), { code: "certificate.signature" });
});
