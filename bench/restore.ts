/** The process that snapshot.ts restores a snapshot in. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { LedgerApplication } from "../packages/node/src/application/application.ts";
import { sodiumCrypto } from "../packages/node/src/crypto/sodium.ts";
import { restoreLedgerFolder } from "../packages/node/src/snapshot/restore-folder.ts";
import { listSnapshots, readChunk, readTrustPath } from "../packages/node/src/snapshot/snapshot-files.ts";
import { verifyTrustPath } from "../packages/node/src/snapshot/trust.ts";
import { openLevelStore } from "../packages/node/src/store/level-store.ts";
import { decode } from "../packages/protocol/src/core/codec/definition.ts";
import { genesis as genesisCodec } from "../packages/protocol/src/core/genesis.ts";
import { GENESIS_FILE, LEDGER_FOLDER, type RestoreReport, SNAPSHOTS_FOLDER } from "./accounts.ts";

const [source = "", target = ""] = process.argv.slice(2);
const folder = join(source, SNAPSHOTS_FOLDER);
const genesis = decode(genesisCodec, new Uint8Array(readFileSync(join(source, GENESIS_FILE))));
const [info] = await listSnapshots(folder);
if (info === undefined) throw new Error("there is no snapshot");

const beganMs = performance.now();
const began = process.cpuUsage();
const trusted = verifyTrustPath(sodiumCrypto, genesis, await readTrustPath(folder, info.height));
await restoreLedgerFolder(target, {
  crypto: sodiumCrypto,
  genesis,
  info,
  trusted,
  readChunk: (index) => readChunk(folder, info.height, index),
});
const restoredMs = performance.now();
const { user, system } = process.cpuUsage(began);
const store = await openLevelStore(join(target, LEDGER_FOLDER));
await LedgerApplication.open(sodiumCrypto, store, genesis, () => []);
const report: RestoreReport = {
  restoreMs: restoredMs - beganMs,
  cpuMs: (user + system) / 1000,
  openMs: performance.now() - restoredMs,
  maxResidentBytes: process.resourceUsage().maxRSS * 1024,
};
await store.close();
console.log(JSON.stringify(report));
