/** The chain that the other engine makes of the same blocks: the same statements at the same times, by the same proposers. */
import { certificate, commitSignBytes } from "@lhg/protocol/core/block/certificate";
import { encode } from "@lhg/protocol/core/codec/definition";
import { ENGINE_COMETBFT, ENGINE_DBFT, EPOCH } from "@lhg/protocol/core/proof/anchor";
import { LedgerApplication } from "../src/application/application.ts";
import type { BlockToExecute } from "../src/application/port.ts";
import { makeProposal, openProposal } from "../src/blocks/proposal.ts";
import { createNativeSigner, sodiumCrypto } from "../src/crypto/sodium.ts";
import { createMemoryStore } from "../src/store/memory-store.ts";
import { type CometBlockMade, commitCometBlock } from "./comet-blocks.ts";
import type { World } from "./world.ts";

/** Yields the twin after each block. Blocks must bear no evidence: each engine has its own. */
export async function* runTwin(
  world: World,
  engine: number,
  blocks: readonly BlockToExecute[],
): AsyncGenerator<LedgerApplication> {
  const other = engine === ENGINE_DBFT ? ENGINE_COMETBFT : ENGINE_DBFT;
  const store = createMemoryStore();
  const twin = await LedgerApplication.open(sodiumCrypto, store, world.genesis, () => [], other);
  let last: CometBlockMade | undefined;
  for (const block of blocks) {
    if (other === ENGINE_DBFT) await commitDbft(world, twin, block);
    else last = await commitComet(world, twin, block, last);
    yield twin;
  }
}

async function commitDbft(world: World, twin: LedgerApplication, block: BlockToExecute): Promise<void> {
  const { tip, chainId } = twin;
  const { header, statements } = block;
  const proposal = openProposal(
    sodiumCrypto,
    makeProposal(sodiumCrypto, tip.base, {
      proposer: header.proposer,
      timeMs: header.timeMs,
      statements: statements.map((entry) => entry.leafHash),
      lastCertificate: twin.headCertificate,
      evidence: [],
    }),
  )!;
  const { blockHash } = twin.execute({ ...proposal, statements });
  const message = commitSignBytes(chainId, EPOCH, header.height, 0, blockHash);
  const signatures = tip.validators.map(({ consensusKey }, validatorIndex) => ({
    validatorIndex,
    signature: createNativeSigner(world.keyOf(consensusKey)).sign(message),
  }));
  await twin.commit(blockHash, encode(certificate, { view: 0, signatures }));
}

async function commitComet(
  world: World,
  twin: LedgerApplication,
  { header, statements }: BlockToExecute,
  last: CometBlockMade | undefined,
): Promise<CometBlockMade> {
  const { timeMs, proposer } = header;
  const made = await commitCometBlock(world, twin, { timeMs, proposer, statements, last });
  await twin.certify(made.header.encoded, made.commit);
  return made;
}
