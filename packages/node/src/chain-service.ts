/** What the faces of a node ask and tell of its chain. */
import { equalBytes, fromHex, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { ChainUpdate, NodeService, NodeStatus, StatementState } from "./api/service.ts";
import type { ChainMeter } from "./chain-meter.ts";
import type { Engine } from "./consensus/engine.ts";
import type { Presence } from "./gateway/presence.ts";
import type { Intake } from "./intake/intake.ts";
import type { Mempool } from "./mempool/mempool.ts";
import type { ConsensusSigner } from "./signer/consensus-signer.ts";
import type { Maintenance } from "./snapshot/maintenance.ts";
import type { Comet } from "./start-comet.ts";
import type { Peering } from "./start-peering.ts";
import type { LedgerClient } from "./threads/ledger-client.ts";
import { VERSION } from "./version.ts";

/** Questions wait for the ledger one after the other: more than these would wait for seconds. */
const QUERIES_MAX = 64;

export interface ServiceParts {
  readonly ledger: LedgerClient;
  readonly intake: Intake;
  readonly engine: Engine;
  readonly mempool: Mempool;
  readonly meter: ChainMeter;
  readonly presence: Presence;
  readonly listeners: Set<(update: ChainUpdate) => void>;
  readonly maintenance: Pick<Maintenance, "firstHeight">;
  readonly chainId: string;
  readonly signers: readonly ConsensusSigner[];
  readonly peering: Peering | undefined;
  /** Where CometBFT is the engine. */
  readonly comet: Pick<Comet, "isReady" | "peers" | "consensusKey"> | undefined;
  readonly publicUrl: string | undefined;
}

export function createService(parts: ServiceParts): NodeService {
  const { ledger, intake, meter, listeners } = parts;
  const startedMs = performance.now();
  let queries = 0;
  return {
    async submit(submissions) {
      const results = await intake.submit(submissions);
      meter.noteSubmitted(results);
      return results;
    },
    statementState: (id) => findState(parts, id),
    async query(name, args) {
      if (queries >= QUERIES_MAX) throw new LhgError("node.busy", "too many questions are open; try again");
      queries += 1;
      try {
        return (await ledger.query(name, args)) as never;
      } finally {
        queries -= 1;
      }
    },
    pace: meter.readPace,
    status: async () => statusOf(parts, performance.now() - startedMs),
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    presence: () => parts.presence.list(),
    metrics: () => meter.tell(),
  };
}

async function findState(
  { ledger, intake, mempool, engine }: ServiceParts,
  id: string,
): Promise<StatementState> {
  // Asked before the ledger: what leaves the mempool meanwhile is committed by then, or refused.
  const idBytes = fromHex(id, "id");
  const waiting = mempool.getById(idBytes);
  const [place] = await ledger.locate([idBytes]);
  if (place !== null && place !== undefined) {
    const isProvable = place.height < engine.certifiedHeight;
    return { state: isProvable ? "provable" : "committed", height: place.height, status: place.status };
  }
  if (waiting !== undefined) {
    const { bytes, leafHash } = waiting;
    const [verdict] = await ledger.check([{ bytes, leafHash }]);
    return verdict?.verdict === "not-yet"
      ? {
          state: "pending",
          waitingFor: { code: verdict.code, field: verdict.field, message: verdict.message },
        }
      : { state: "pending" };
  }
  const refusal = intake.getRefusal(id);
  return refusal === undefined ? { state: "unknown" } : { state: "refused", ...refusal };
}

/** What this node says is of today, and what it takes in can be decided. */
function isReady({ peering, comet }: ServiceParts, validators: number): boolean {
  if (comet !== undefined) return comet.isReady();
  if (peering === undefined) return true;
  return !peering.isSyncing() && (validators === 1 || peering.network.peers().length > 0);
}

function keysOf({ signers, comet }: ServiceParts): readonly Uint8Array[] {
  const ofComet = comet?.consensusKey();
  return [...signers.map(({ publicKey }) => publicKey), ...(ofComet === undefined ? [] : [ofComet])];
}

function statusOf(parts: ServiceParts, uptimeMs: number): NodeStatus {
  const { engine, mempool, maintenance, chainId, peering, comet, publicUrl } = parts;
  const { head, validators } = engine.tip;
  const { firstHeight } = maintenance;
  return {
    version: VERSION,
    chainId,
    engine: comet === undefined ? "dbft" : "comet",
    height: head.height,
    // After a snapshot nothing is provable before its first block.
    provableHeight: engine.certifiedHeight >= firstHeight ? engine.certifiedHeight - 1 : null,
    firstHeight,
    timeMs: head.timeMs,
    appHash: toHex(head.appHash),
    validators: validators.length,
    isValidator: keysOf(parts).some((key) => validators.some((entry) => equalBytes(entry.consensusKey, key))),
    peers: comet?.peers() ?? peering?.network.peers().length ?? 0,
    mempool: { statements: mempool.size, sizeBytes: mempool.sizeBytes },
    uptimeMs: Math.round(uptimeMs),
    isReady: isReady(parts, validators.length),
    ...(publicUrl === undefined ? {} : { publicUrl }),
  };
}
