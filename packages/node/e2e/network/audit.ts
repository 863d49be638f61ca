/** What the disks of stopped nodes hold: their chains block by block, and who is on record for a double vote. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { evidence as evidenceCodec } from "@lhg/protocol/core/block/evidence";
import { validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { decode, fromJson } from "@lhg/protocol/core/codec/definition";
import { genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { ENGINE_DBFT } from "@lhg/protocol/core/proof/anchor";
import { submission } from "@lhg/protocol/core/statement/submission";
import { prepareStatement } from "@lhg/protocol/statements";
import { LedgerApplication } from "../../src/application/application.ts";
import { cometMisbehaviour } from "../../src/blocks/comet-misbehaviour.ts";
import { statementKey } from "../../src/blocks/store-keys.ts";
import { sodiumCrypto } from "../../src/crypto/sodium.ts";
import { openLevelStore } from "../../src/store/level-store.ts";
import type { NodeProcess } from "./node-process.ts";

export interface DiskReport {
  readonly name: string;
  /** Hash, and state root before it, of each block from height 1 on. */
  readonly blocks: readonly { readonly hash: string; readonly appHash: string }[];
  /** How often each statement was executed. */
  readonly executed: ReadonlyMap<string, number>;
  /** Consensus keys of validators that a block accuses, and in how many pieces of evidence. */
  readonly accused: ReadonlyMap<string, number>;
}

/** Of a node that is stopped. */
export async function readDisk({ name, seat }: NodeProcess): Promise<DiskReport> {
  const genesis = fromJson(
    genesisCodec,
    JSON.parse(await readFile(join(seat.home, "genesis.json"), "utf8")),
    "genesis",
  );
  const store = await openLevelStore(join(seat.home, "data", "ledger"));
  try {
    const application = await LedgerApplication.open(sodiumCrypto, store, genesis, () => []);
    const blocks: { hash: string; appHash: string }[] = [];
    const executed = new Map<string, number>();
    const accused = new Map<string, number>();
    for (let height = 1; height <= application.head.height; height++) {
      const block = application.getBlock(height);
      if (block === undefined) throw new Error(`${name} has no block ${height}`);
      const { header, statements, skipped } = block;
      blocks.push({ hash: toHex(application.getBlockHash(height)), appHash: toHex(header.appHash) });
      const isSkipped = new Set(skipped.map(({ position }) => position));
      for (let position = 0; position < statements; position++) {
        if (isSkipped.has(position)) continue;
        const bytes = store.get(statementKey(height, position))!;
        count(executed, toHex(prepareStatement(sodiumCrypto, decode(submission, bytes)).id));
      }
      for (const encoded of block.evidence) {
        count(accused, toHex(findAccused(application, encoded)));
      }
    }
    return { name, blocks, executed, accused };
  } finally {
    await store.close();
  }
}

/** The consensus key of whom evidence accuses. */
function findAccused(application: LedgerApplication, encoded: Uint8Array): Uint8Array {
  if (application.engine === ENGINE_DBFT) {
    const { height, validatorIndex } = decode(evidenceCodec, encoded, "evidence");
    return application.getBlock(height)!.validators[validatorIndex]!.consensusKey;
  }
  const { height, address } = decode(cometMisbehaviour, encoded, "evidence");
  const found = application
    .getBlock(height)!
    .validators.find(({ consensusKey }) => equalBytes(validatorAddress(sodiumCrypto, consensusKey), address));
  if (found === undefined) throw new Error(`evidence against ${toHex(address)}, no validator of ${height}`);
  return found.consensusKey;
}

function count(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}

/** Throws where disks differ, where a statement was executed twice, or where something acknowledged is missing. */
export function compareDisks(
  reports: readonly DiskReport[],
  acknowledged: Iterable<string>,
): { readonly height: number; readonly statements: number } {
  const longest = reports.reduce((a, b) => (a.blocks.length >= b.blocks.length ? a : b));
  for (const { name, blocks, executed } of reports) {
    const differing = blocks.findIndex(({ hash, appHash }, i) => {
      const other = longest.blocks[i]!;
      return hash !== other.hash || appHash !== other.appHash;
    });
    if (differing >= 0) throw new Error(`${name} and ${longest.name} differ at height ${differing + 1}`);
    const twice = [...executed].find(([, times]) => times > 1);
    if (twice !== undefined) throw new Error(`${name} has executed ${twice[0]} ${twice[1]} times`);
  }
  for (const id of acknowledged)
    if (!longest.executed.has(id)) throw new Error(`${id} was acknowledged and is not on ${longest.name}`);
  return { height: longest.blocks.length, statements: longest.executed.size };
}

/** The consensus key of a validator's home, in hex. */
export async function readConsensusKey(home: string): Promise<string> {
  const text = await readFile(join(home, "consensus-key.json"), "utf8");
  return (JSON.parse(text) as { publicKey: string }).publicKey;
}
