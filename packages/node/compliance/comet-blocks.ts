/** Blocks of CometBFT on a ledger, one after the other, without CometBFT. */
import { validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { equalBytes } from "@lhg/protocol/core/bytes";
import type { LedgerApplication } from "../src/application/application.ts";
import type { StatementInput } from "../src/application/port.ts";
import { toLedgerBlock } from "../src/consensus/comet/comet-block.ts";
import { sodiumCrypto } from "../src/crypto/sodium.ts";
import { type MadeHeader, makeCometCommit, makeCometHeader } from "./comet-headers.ts";
import type { World } from "./world.ts";

export interface BlockPlan {
  readonly timeMs: number;
  readonly statements?: readonly StatementInput[];
  /** Address of an operator; by default of the first validator. */
  readonly proposer?: Uint8Array;
  /** Of the block before; needed but for the first. */
  readonly last?: CometBlockMade | undefined;
}

export interface CometBlockMade {
  readonly header: MadeHeader;
  readonly commit: Uint8Array;
}

/** Executes and commits a block; its certificate, encoded, is for the caller to hand over. */
export async function commitCometBlock(
  world: World,
  ledger: LedgerApplication,
  { timeMs, statements = [], proposer, last: before }: BlockPlan,
): Promise<CometBlockMade> {
  const { tip, chainId } = ledger;
  const { appHash } = ledger.head;
  const { validators } = tip;
  const { height, nextValidatorsHash } = tip.base;
  const found = validators.find(({ operator }) => proposer === undefined || equalBytes(operator, proposer));
  const proposerAddress = validatorAddress(sodiumCrypto, found!.consensusKey);
  const txs = statements.map((entry) => entry.bytes);
  const last = before === undefined ? undefined : { hash: before.header.hash, commit: before.commit };
  const plan = { chainId, height, timeMs, last, appHash, txs, validators, nextValidatorsHash };
  const header = makeCometHeader({ ...plan, proposerAddress, round: 0 });
  const decided = { height, timeMs, hash: header.hash, txs, proposerAddress, misbehaviours: [] };
  ledger.execute(toLedgerBlock(sodiumCrypto, tip, decided, statements));
  await ledger.commit(header.hash, null);
  return { header, commit: makeCometCommit(world, { header, round: 0, validators }) };
}
