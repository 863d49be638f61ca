/** Transfers signed beforehand, on one validator and on seven in one process. */
import { randomBytes } from "node:crypto";
import { makeTransfer } from "../packages/sdk/src/transaction/messages.ts";
import { ACCOUNTS, type BenchChain, signTransaction, startBenchChain } from "./chain.ts";
import { type BenchContext, bySize, type Figure, type Part } from "./figures.ts";
import { type Call, dealCalls, driveRounds } from "./load.ts";

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
  const { calibration, cores, rates } = context;
  const perAccount = bySize(context, { quick: 20, default: 100, full: 250 });
  const chain = await startBenchChain(context, validators);
  try {
    const title = `transfers, ${validators} validator${validators === 1 ? "" : "s"}`;
    const result = await driveRounds(context, chain, title, () => signTransfers(chain, perAccount));
    rates.set(TRANSFER_RATE, result.perSecond);
    return [
      {
        name: title,
        value: result.perSecond,
        unit: "/s",
        limit: { name: "Ed25519 verify on all cores", value: cores * calibration.verifyPerSecond },
        aim: { atLeast: AIM_PER_SECOND },
      },
      {
        name: `${title}: CPU of each`,
        value: result.cpuUsPerStatement,
        unit: "us",
        limit: { name: "Ed25519 verify", value: 1e6 / calibration.verifyPerSecond },
      },
      {
        name: `${title}: in a block`,
        value: result.statementsPerBlock,
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
