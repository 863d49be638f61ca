/** The process that state.ts restarts: opens the chain, answers, then reads accounts at random. A line of output after each. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DEFAULT_CONFIG } from "../packages/node/src/config.ts";
import { startChain } from "../packages/node/src/start-chain.ts";
import { toHex } from "../packages/protocol/src/core/bytes.ts";
import { decode } from "../packages/protocol/src/core/codec/definition.ts";
import { genesis } from "../packages/protocol/src/core/genesis.ts";
import { addressOf, GENESIS_FILE, READS, type RestartReport } from "./accounts.ts";

/** Below the node's bound on open questions, enough to keep its ledger thread busy. */
const READS_AT_ONCE = 50;
const [dataDirectory = "", keys = "1"] = process.argv.slice(2);

const openedMs = performance.now();
const { service, stop } = await startChain({
  config: { ...DEFAULT_CONFIG, dataDirectory, logLevel: "silent" },
  genesis: decode(genesis, new Uint8Array(readFileSync(join(dataDirectory, GENESIS_FILE)))),
  signers: [],
  onFatal: (error) => {
    throw error;
  },
});
await readAccount(1);
const report: RestartReport = { answerMs: performance.now() - openedMs, processMs: performance.now() };
console.log(JSON.stringify(report));

for (let done = 0; done < READS; done += READS_AT_ONCE)
  await Promise.all(
    Array.from({ length: READS_AT_ONCE }, () => readAccount(1 + Math.floor(Math.random() * Number(keys)))),
  );
console.log("read");

const alive = setInterval(() => {}, 60_000);
process.once("SIGTERM", () => {
  clearInterval(alive);
  void stop();
});

async function readAccount(i: number): Promise<void> {
  const { balance } = await service.query("getAccount", { address: toHex(addressOf(i)) });
  if (balance !== "1") throw new Error(`account ${i} has ${balance}`);
}
