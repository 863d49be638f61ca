import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { LedgerApplication } from "../../application/application.ts";
import { type AuditResult, auditChain } from "../../application/audit.ts";
import { GENESIS_KEY } from "../../blocks/store-keys.ts";
import { sodiumCrypto } from "../../crypto/sodium.ts";
import { indexBlock } from "../../queries/indexes.ts";
import { openLevelStore } from "../../store/level-store.ts";
import type { Store } from "../../store/store.ts";
import type { Session } from "../session.ts";

/**
 * Executes the chain of a data folder again from genesis and compares all that its node keeps. The node must be
 * stopped. Throws `audit.failed` when anything differs, `history.pruned` when blocks are missing because they were pruned.
 */
export async function runAudit(session: Session): Promise<void> {
  const ledger = join(session.options.data, "ledger");
  const isThere = await stat(ledger).then(
    () => true,
    () => false,
  );
  if (!isThere) throw new LhgError("audit.no-chain", "holds no chain", session.options.data);
  const store = await openLevelStore(ledger);
  const scratchFolder = await mkdtemp(join(tmpdir(), "lhg-audit-"));
  try {
    const scratch = await openLevelStore(scratchFolder);
    try {
      report(session, await audit(session, store, scratch));
    } finally {
      await scratch.close();
    }
  } finally {
    await store.close();
    await rm(scratchFolder, { recursive: true, force: true });
  }
}

async function audit(
  session: Session,
  store: Store,
  scratch: Store,
): Promise<AuditResult & { chainId: string }> {
  const stored = store.get(GENESIS_KEY);
  if (stored === undefined) throw new LhgError("audit.no-chain", "holds no chain", session.options.data);
  const genesis = decode(genesisCodec, stored, "genesis");
  const application = await LedgerApplication.open(sodiumCrypto, store, genesis, indexBlock);
  const { firstHeight } = application.kept;
  if (firstHeight > 1)
    throw new LhgError(
      "history.pruned",
      `keeps blocks from ${firstHeight} on: what was before can't be executed again from this folder; audit an archive`,
      session.options.data,
    );
  const steps = auditChain(application, scratch, indexBlock);
  for (;;) {
    const step = await steps.next();
    if (step.done === true) return { ...step.value, chainId: application.chainId };
    const { stage, done, total } = step.value;
    session.output.progress(stage === "replay" ? `${done} of ${total} blocks` : `${done} records compared`);
  }
}

function report(session: Session, result: AuditResult & { chainId: string }): void {
  const { ok, chainId, height, statements, records, problems } = result;
  const lines = problems.map(({ code, field, message }) => `  ${field}: ${message} (${code})`);
  const verdict = ok
    ? `SOUND: ${chainId} was executed again from genesis to block ${height}: ${statements} statements, ${records} records, all as they are kept.`
    : `NOT SOUND: ${chainId}, ${problems.length} problems:`;
  session.output.result(result, [verdict, ...lines].join("\n"));
  if (!ok) throw new LhgError("audit.failed", `${problems.length} problems were found`, session.options.data);
}
