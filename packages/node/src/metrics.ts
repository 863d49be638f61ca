import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";
import type { PeerInfo } from "./p2p/network.ts";

const BLOCK_SECONDS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30];
const WORK_SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];

/** What the node counts, in Prometheus' terms. */
export function createMetrics() {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  return {
    registry,
    height: new Gauge({ name: "lhg_height", help: "Height of the newest committed block", registers }),
    statements: new Counter({
      name: "lhg_statements_total",
      help: "Statements in committed blocks, by what became of them",
      labelNames: ["result"],
      registers,
    }),
    submissions: new Counter({
      name: "lhg_submissions_total",
      help: "Statements submitted to this node, by answer",
      labelNames: ["answer"],
      registers,
    }),
    blockSeconds: new Histogram({
      name: "lhg_block_interval_seconds",
      help: "Time between commits of blocks",
      buckets: BLOCK_SECONDS,
      registers,
    }),
    ...createConsensusMetrics(registers),
    ...createNetworkMetrics(registers),
    ...createLedgerMetrics(registers),
    mempoolStatements: new Gauge({ name: "lhg_mempool_statements", help: "Statements that wait", registers }),
    mempoolBytes: new Gauge({ name: "lhg_mempool_bytes", help: "Bytes that wait", registers }),
    gatewayConnections: new Gauge({
      name: "lhg_gateway_connections",
      help: "Open connections of devices",
      registers,
    }),
    gatewayMessages: new Counter({
      name: "lhg_gateway_messages_total",
      help: "Statements that devices sent to the gateway, by answer",
      labelNames: ["answer"],
      registers,
    }),
    inboxBytes: new Gauge({ name: "lhg_inbox_bytes", help: "Bytes of the inbox log on disk", registers }),
  };
}
export type Metrics = ReturnType<typeof createMetrics>;

function createConsensusMetrics(registers: Registry[]) {
  return {
    consensusView: new Gauge({
      name: "lhg_consensus_view",
      help: "View of the height being decided; above 0 a primary failed",
      registers,
    }),
    consensusValidators: new Gauge({
      name: "lhg_consensus_validators",
      help: "Validators of the height being decided",
      registers,
    }),
    consensusRounds: new Counter({
      name: "lhg_consensus_rounds_total",
      help: "Decided heights, by the view they were decided in",
      labelNames: ["view"],
      registers,
    }),
    consensusViewChanges: new Counter({
      name: "lhg_consensus_view_changes_total",
      help: "Views this node left undecided",
      registers,
    }),
    consensusMissedProposals: new Counter({
      name: "lhg_consensus_missed_proposals_total",
      help: "Views left undecided, by their primary (address of the operator)",
      labelNames: ["validator"],
      registers,
    }),
    consensusSigned: new Counter({
      name: "lhg_consensus_signed_total",
      help: "Commits in certificates of decided blocks, by validator (address of the operator)",
      labelNames: ["validator"],
      registers,
    }),
    consensusInvalidMessages: new Counter({
      name: "lhg_consensus_invalid_messages_total",
      help: "Consensus messages that break the protocol",
      registers,
    }),
    finalitySeconds: new Histogram({
      name: "lhg_finality_seconds",
      help: "From the acknowledgement of a statement by this node to its block, of a sample",
      buckets: BLOCK_SECONDS,
      registers,
    }),
  };
}

function createNetworkMetrics(registers: Registry[]) {
  return {
    p2pPeers: new Gauge({
      name: "lhg_p2p_peers",
      help: "Connected peers, by who dialled",
      labelNames: ["direction"],
      registers,
    }),
    p2pBytes: new Counter({
      name: "lhg_p2p_bytes_total",
      help: "Bytes to and from peers",
      labelNames: ["direction"],
      registers,
    }),
    p2pMessages: new Counter({
      name: "lhg_p2p_messages_total",
      help: "Messages from peers, by topic and by what was made of them",
      labelNames: ["topic", "verdict"],
      registers,
    }),
    p2pBanned: new Counter({ name: "lhg_p2p_banned_total", help: "Bans of peers", registers }),
    syncIsSyncing: new Gauge({
      name: "lhg_sync_is_syncing",
      help: "1 while blocks are taken from peers instead of consensus",
      registers,
    }),
    syncBestHeight: new Gauge({
      name: "lhg_sync_best_height",
      help: "Highest height that a peer told of",
      registers,
    }),
  };
}

function createLedgerMetrics(registers: Registry[]) {
  return {
    executeSeconds: new Histogram({
      name: "lhg_execute_seconds",
      help: "Execution of a block",
      buckets: WORK_SECONDS,
      registers,
    }),
    commitSeconds: new Histogram({
      name: "lhg_commit_seconds",
      help: "Writing of a decided block and its state",
      buckets: WORK_SECONDS,
      registers,
    }),
    storeBytes: new Gauge({ name: "lhg_store_bytes", help: "Bytes of the data folder", registers }),
    storeFreeBytes: new Gauge({
      name: "lhg_store_free_bytes",
      help: "Bytes that are free on the disk of the data folder",
      registers,
    }),
  };
}

/** A height was decided. Validators go by the addresses of their operators. */
export interface DecidedHeight {
  readonly view: number;
  /** Primaries of the views before. */
  readonly missed: readonly string[];
  /** Whose commits the certificate holds. */
  readonly signers: readonly string[];
}

export function countDecision(metrics: Metrics, { view, missed, signers }: DecidedHeight): void {
  metrics.consensusRounds.inc({ view: view < 2 ? String(view) : "2+" });
  for (const validator of missed) metrics.consensusMissedProposals.inc({ validator });
  for (const validator of signers) metrics.consensusSigned.inc({ validator });
}

/**
 * The validators of the next height. Each has its series from the start, so that its first miss is a rise; those who left lose
 * theirs, so there are never more than validators.
 */
export function setValidators(metrics: Metrics, before: readonly string[], now: readonly string[]): void {
  for (const counter of [metrics.consensusMissedProposals, metrics.consensusSigned]) {
    for (const validator of before) if (!now.includes(validator)) counter.remove({ validator });
    for (const validator of now) if (!before.includes(validator)) counter.inc({ validator }, 0);
  }
}

/** A node without a network has no series of peers, so no alert of them. */
export function setPeers(metrics: Metrics, peers: readonly Pick<PeerInfo, "direction">[]): void {
  for (const direction of ["inbound", "outbound"] as const)
    metrics.p2pPeers.set({ direction }, peers.filter((peer) => peer.direction === direction).length);
}
