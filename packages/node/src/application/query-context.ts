import { LhgError } from "@lhg/protocol/core/errors";
import type { Anchor, CertifiedHeader } from "@lhg/protocol/core/proof/anchor";
import { APP, type Partition } from "@lhg/protocol/core/state/partition";
import { VERSIONS_KEPT } from "@lhg/protocol/core/state/versioned-state";
import { readCertifiedHeader } from "../blocks/certified-headers.ts";
import type { QueryContext } from "../queries/context.ts";
import type { LedgerApplication } from "./application.ts";

/** What queries see of the application, all proofs at one provable height. */
export function createQueryContext(application: LedgerApplication): QueryContext {
  const { crypto, chainId, genesis, head, state, store, kept, certifiedHeight } = application;
  // Of the heights before a snapshot there are no versions; of those long before the head neither.
  const isProvable =
    certifiedHeight > (kept.base?.height ?? 0) && certifiedHeight > head.height - VERSIONS_KEPT;
  const provableHeight = isProvable ? certifiedHeight - 1 : undefined;
  return {
    crypto,
    chainId,
    genesis,
    head,
    state,
    store,
    provableHeight,
    firstHeight: kept.firstHeight,
    provable: state.viewAt(provableHeight ?? head.height),
    anchorOf: (partition) => makeAnchor(application, provableHeight, partition),
  };
}

/** The header of a height with its certificate; `height` is committed. */
export function getCertifiedHeader(application: LedgerApplication, height: number): CertifiedHeader {
  const found = readCertifiedHeader(application.store, height);
  if (found === undefined) throw new LhgError("block.not-found", `there is no block ${height}`, "height");
  return found;
}

function makeAnchor(
  application: LedgerApplication,
  provableHeight: number | undefined,
  partition: Partition,
): Anchor {
  if (provableHeight === undefined)
    throw new LhgError("proof.not-yet", "nothing is provable before the first block", "height");
  const partitionRecord = application.state.getValueAt(APP, partition.id, provableHeight);
  if (partitionRecord === undefined)
    throw new LhgError("proof.not-yet", "the partition is not in a provable state yet", "partition");
  return {
    partitionId: partition.id,
    partitionRecord,
    appProof: application.state.proveValue(APP, partition.id, provableHeight),
    header: getCertifiedHeader(application, provableHeight + 1),
    transitions: application
      .transitionsBefore(provableHeight + 1)
      .map((height) => getCertifiedHeader(application, height)),
  };
}
