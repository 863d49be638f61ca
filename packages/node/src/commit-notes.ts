/** What follows from a committed block beside the engine: settled statements, figures, upkeep, and what listeners are told. */
import { evidence } from "@lhg/protocol/core/block/evidence";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import type { Logger } from "pino";
import type { ChainUpdate } from "./api/service.ts";
import type { CommitSummary } from "./application/port.ts";
import { cometMisbehaviour } from "./blocks/comet-misbehaviour.ts";
import type { ChainMeter } from "./chain-meter.ts";
import type { CommittedBlock } from "./consensus/engine.ts";
import type { Intake } from "./intake/intake.ts";
import type { Maintenance } from "./snapshot/maintenance.ts";

export interface CommitNoteParts {
  readonly intake: Pick<Intake, "settleBlock">;
  readonly meter: Pick<ChainMeter, "noteBlock">;
  readonly maintenance: Pick<Maintenance, "noteBlock">;
  readonly logger: Logger;
}

/** Resolves with what to tell of the block, but for how far is provable. */
export type CommitNotes = (
  block: CommittedBlock,
  summary: CommitSummary,
) => Promise<Omit<ChainUpdate, "provableHeight">>;

export function createCommitNotes({ intake, meter, maintenance, logger }: CommitNoteParts): CommitNotes {
  return async (block, summary) => {
    await intake.settleBlock(summary);
    meter.noteBlock(block, summary);
    for (const encoded of block.evidence)
      logger.error(
        block.certificate === undefined ? describeComet(encoded) : describeDbft(encoded),
        "a validator signed two votes; the block has the evidence",
      );
    const { height, timeMs } = block.header;
    maintenance.noteBlock({ height, timeMs });
    const { executed, skipped, tip } = summary;
    logger.debug({ height, statements: executed.length, skipped: skipped.length }, "block");
    return { height, timeMs, executed, isWorking: !equalBytes(tip.base.appHash, block.header.appHash) };
  };
}

function describeDbft(encoded: Uint8Array): object {
  const { height, view, validatorIndex } = decode(evidence, encoded, "evidence");
  return { height, view, validatorIndex };
}

function describeComet(encoded: Uint8Array): object {
  const { height, type, address } = decode(cometMisbehaviour, encoded, "evidence");
  return { height, type, address: toHex(address) };
}
