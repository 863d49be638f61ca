/** What a liar may offer under CometBFT: each is refused for what it is, before a chunk is fetched or as soon as it shows. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { decodeCometHeader, encodeCometHeader } from "@lhg/protocol/core/block/comet-header";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import type { CertifiedHeader } from "@lhg/protocol/core/proof/anchor";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { makeTransfer } from "@lhg/sdk/transaction/messages";
import fc from "fast-check";
import { addressOf, GENESIS_MS } from "../application/testing.ts";
import { readCertifiedHeader } from "../blocks/certified-headers.ts";
import { type CometTestChain, openCometTestChain } from "../consensus/comet/testing-chain.ts";
import { sodiumCrypto } from "../crypto/sodium.ts";
import { createDevChain } from "../dev-chain.ts";
import {
  COMET_METADATA_BYTES_MAX,
  type CometSnapshotMetadata,
  describeCometSnapshot,
  openCometOffer,
} from "./comet-snapshot.ts";
import { verifyCometOffer } from "./restore-comet.ts";
import type { SnapshotInfo } from "./snapshot.ts";
import { makeFolder, type SnapshotParts, takeSnapshot } from "./testing.ts";
import { restoreComet } from "./testing-comet.ts";

let chain: CometTestChain;
let parts: SnapshotParts;
let metadata: CometSnapshotMetadata;
let appHash: Uint8Array;

const isShared = (height: number): boolean => height === 71;

before(async (context) => {
  chain = await openCometTestChain({ dev: createDevChain(GENESIS_MS, undefined, 4), isShared });
  const { faucet, operators, consensusKeys } = chain.dev;
  const key = keyFromSeed(ALG_EDDSA, new Uint8Array(32).fill(7));
  (consensusKeys as SecretKey[]).push(key);
  await chain.commit([chain.transaction(faucet, [makeTransfer(addressOf(operators[0]!), 1_000_000_000n)])]);
  const rotation = { type: "validators.rotate-key", body: { consensusKey: key.publicKey } } as const;
  await chain.commit([chain.transaction(operators[0]!, [rotation])]);
  for (let i = 0; i < 70; i++) await chain.commit([]);
  parts = await takeSnapshot(chain.application, await makeFolder(context as never), 2_000, 70);
  metadata = openCometOffer(sodiumCrypto, parts.info);
  appHash = chain.application.getBlock(71)!.header.appHash;
});

const flip = (bytes: Uint8Array, at = bytes.length - 1): Uint8Array =>
  bytes.map((byte, i) => (i === at ? byte ^ 1 : byte));

const verify = (info: SnapshotInfo, wanted: Uint8Array | undefined = appHash) =>
  verifyCometOffer(sodiumCrypto, chain.dev.genesis, info, wanted);

function refused(over: Partial<CometSnapshotMetadata>, code: string): void {
  assert.throws(() => verify(describeCometSnapshot(sodiumCrypto, { ...metadata, ...over })), { code });
}

const certified = (height: number): CertifiedHeader => readCertifiedHeader(chain.application.store, height)!;

test("what is offered in truth is taken, with the app hash of CometBFT or without", () => {
  assert.equal(verify(parts.info).block.height, 70);
  assert.deepEqual(verify(parts.info, undefined).block, verify(parts.info).block);
  assert.equal(metadata.trust.transitions.length, 1);
});

test("offers that contradict themselves", () => {
  const offered = (over: Partial<SnapshotInfo>, code: string, field: string): void =>
    assert.throws(
      () => verify({ ...parts.info, ...over }),
      (error: LhgError) => error.code === code && error.field === field,
    );
  offered({ format: 1 }, "snapshot.format", "format");
  offered({ height: 71 }, "snapshot.info", "height");
  offered({ height: 0 }, "snapshot.info", "height");
  offered({ chunks: 1 }, "snapshot.info", "chunks");
  offered({ hash: flip(parts.info.hash) }, "snapshot.info", "hash");
  offered({ metadata: new Uint8Array(3) }, "snapshot.info", "metadata");
  offered({ metadata: new Uint8Array(COMET_METADATA_BYTES_MAX + 1) }, "snapshot.info", "metadata");
});

test("another state than CometBFT's light client found", () => {
  assert.throws(() => verify(parts.info, flip(appHash)), { code: "snapshot.app-hash" });
});

test("headers that are of another chain, do not follow from genesis, or are not signed", () => {
  const { trust } = metadata;
  const header = decodeCometHeader(metadata.header);
  const other = { ...header, time: { ...header.time, seconds: header.time.seconds + 1n } };
  refused({ header: encodeCometHeader(other) }, "snapshot.header");
  refused({ header: encodeCometHeader({ ...header, chainId: "lhg-other" }) }, "snapshot.chain");
  refused({ header: certified(69).header }, "snapshot.header");
  refused({ trust: { ...trust, transitions: [] } }, "snapshot.path");
  refused({ trust: { ...trust, transitions: [...trust.transitions, certified(69)] } }, "snapshot.path");
  refused(
    { trust: { ...trust, transitions: [trust.transitions[0]!, trust.transitions[0]!] } },
    "snapshot.path",
  );
  refused({ trust: { ...trust, header: { ...trust.header, engine: 1 } } }, "header.engine");
  const unsigned = { ...trust.header, certificate: flip(trust.header.certificate) };
  refused({ trust: { ...trust, header: unsigned } }, "certificate.signature");
  const next = decodeCometHeader(trust.header.header);
  const forged = { ...trust.header, header: encodeCometHeader({ ...next, appHash: flip(appHash) }) };
  refused({ trust: { ...trust, header: forged } }, "certificate.block");
  const stranger = createDevChain(GENESIS_MS, undefined, 4);
  assert.throws(() => verifyCometOffer(sodiumCrypto, stranger.genesis, parts.info, appHash), {
    code: "snapshot.chain",
  });
});

test("whatever is changed in an offer, it is refused or proves the same block", () => {
  const truth = verify(parts.info).block;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(parts.info.metadata.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      (changes) => {
        const bytes = parts.info.metadata.slice();
        for (const [at, value] of changes) bytes[at] = value;
        try {
          const info = { ...parts.info, metadata: bytes, hash: sodiumCrypto.sha256(bytes) };
          assert.deepEqual(verify(info).block, truth);
        } catch (error) {
          if (!(error instanceof LhgError)) throw error;
        }
      },
    ),
    { numRuns: 400 },
  );
});

test("chunks other than the metadata names, and states other than the header's", async () => {
  const { chunks, info } = parts;
  const at = chunks.length - 1;
  const other = chunks.map((chunk, i) => (i === at ? flip(chunk) : chunk));
  await assert.rejects(restoreComet(chain.dev, { info, chunks: other }), { code: "snapshot.chunk" });
  const hashes = other.map((chunk) => sodiumCrypto.sha256(chunk));
  const lying = describeCometSnapshot(sodiumCrypto, { ...metadata, chunks: hashes });
  await assert.rejects(
    restoreComet(chain.dev, { info: lying, chunks: other }),
    (error: LhgError) => /^snapshot\./.test(error.code) && error.field === `chunks[${at}]`,
  );
  await assert.rejects(
    restoreComet(chain.dev, {
      info: describeCometSnapshot(sodiumCrypto, { ...metadata, sizeBytes: info.sizeBytes - 1 }),
      chunks,
    }),
    { code: "snapshot.oversize" },
  );
});
