/** Transfers signed beforehand, on one validator and on seven in one process. */
import { randomBytes } from "node:crypto";
import { makeTransfer } from "../packages/sdk/src/transaction/messages.ts";
import { ACCOUNTS, type BenchChain, signTransaction, startBenchChain } from "./chain.ts";
import { type BenchContext, bySize, type Figure, median, type Part } from "./figures.ts";
import { type Call, dealCalls, driveLoad, type LoadResult } from "./load.ts";

const LANES = 8;
const CALL_STATEMENTS = 512;
const RECIPIENTS = 10_000;
const AIM_PER_SECOND = 15_000;
const VALIDATORS = [1, 7] as const;

/** The rate that half load is half of. */
export const TRANSFER_RATE = "transfers/s";

export const transfers: Part = {
  name: "transfers",
  run: async (context) => {
    const figures: Figure[] = [];
    for (const validators of VALIDATORS) figures.push(...(await measureOn(context, validators)));
    return figures;
  },
};

async function measureOn(context: BenchContext, validators: number): Promise<Figure[]> {
  const { calibration, cores, rates, say } = context;
  const perAccount = bySize(context, { quick: 20, default: 100, full: 250 });
  const rounds = bySize(context, { quick: 1, default: 3, full: 5 });
  const chain = await startBenchChain(context, validators);
  try {
    const results: LoadResult[] = [];
    for (let round = 0; round < rounds; round++) {
      const result = await driveLoad(chain, signTransfers(chain, perAccount));
      say(describeLoad(`transfers, ${validators} validators, round ${round + 1}`, result));
      results.push(result);
    }
    const perSecond = median(results.map((entry) => entry.perSecond));
    rates.set(TRANSFER_RATE, perSecond);
    const title = `transfers, ${validators} validator${validators === 1 ? "" : "s"}`;
    return [
      {
        name: title,
        value: perSecond,
        unit: "/s",
        limit: { name: "Ed25519 verify on all cores", value: cores * calibration.verifyPerSecond },
        aim: { atLeast: AIM_PER_SECOND },
      },
      {
        name: `${title}: CPU of each`,
        value: median(results.map((entry) => entry.cpuUsPerStatement)),
        unit: "us",
        limit: { name: "Ed25519 verify", value: 1e6 / calibration.verifyPerSecond },
      },
      {
        name: `${title}: in a block`,
        value: median(results.map((entry) => entry.statementsPerBlock)),
        unit: "statements",
      },
    ];
  } finally {
    await chain.stop();
  }
}

export function signTransfers(chain: BenchChain, perAccount: number): Call[][] {
  const recipients = Array.from({ length: RECIPIENTS }, () => randomBytes(20));
  return dealCalls(
    ACCOUNTS,
    { lanes: LANES, perSender: perAccount, callSize: CALL_STATEMENTS },
    (sender, turn) => {
      const to = recipients[(turn * ACCOUNTS + sender) % RECIPIENTS]!;
      return signTransaction(chain.chainId, chain.accounts[sender]!, [makeTransfer(to, 1n)]);
    },
  );
}

export function describeLoad(title: string, result: LoadResult): string {
  const threads = [...result.cpuUsByThread]
    .filter(([, us]) => us >= 1)
    .sort(([, a], [, b]) => b - a)
    .map(([name, us]) => `${name} ${us.toFixed(0)}`)
    .join(", ");
  return (
    `${title}: ${result.perSecond.toFixed(0)}/s, ${result.statementsPerBlock.toFixed(0)} a block, ` +
    `CPU us of each ${result.cpuUsPerStatement.toFixed(0)} (${threads})`
  );
}
