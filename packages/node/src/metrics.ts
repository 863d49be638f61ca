import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "@prometheus-io/client";

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
      buckets: [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30],
      registers,
    }),
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
