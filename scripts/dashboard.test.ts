/** Dashboard and alerts ask for metrics that the node has, in the way their types allow. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { createMetrics } from "../packages/node/src/metrics.ts";
import { ROOT } from "./run-test-files.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

interface Metric {
  readonly type: string;
  readonly labels: readonly string[];
}

/** Prometheus' own of each target. */
const FOREIGN: readonly [string, Metric][] = [["up", { type: "gauge", labels: [] }]];
const TARGET_LABELS = ["instance", "job"];

function listMetrics(): Map<string, Metric> {
  const metrics = new Map<string, Metric>(FOREIGN);
  for (const { name, type, labelNames } of createMetrics().registry.getMetricsAsArray() as unknown as {
    name: string;
    type: string;
    labelNames: readonly string[];
  }[]) {
    metrics.set(name, { type, labels: labelNames });
    if (type !== "histogram") continue;
    metrics.set(`${name}_bucket`, { type: "bucket", labels: [...labelNames, "le"] });
    for (const suffix of ["sum", "count"])
      metrics.set(`${name}_${suffix}`, { type: "counter", labels: labelNames });
  }
  return metrics;
}
const METRICS = listMetrics();

/** Functions that read a rise, and those that read a level; both take a range. */
const OF_COUNTERS = new Set(["rate", "increase", "irate"]);
const OF_GAUGES = new Set(["changes", "delta", "deriv", "predict_linear"]);
const NAME = /\b([a-z]\w*)(\{[^}]*\})?(\[[^\]]*\])?/g;
const WORDS = new Set([
  "by",
  "on",
  "and",
  "or",
  "unless",
  "group_right",
  "group_left",
  "without",
  "ignoring",
  "bool",
]);

interface Selector {
  readonly name: string;
  /** What stands directly around it, such as `rate`. */
  readonly within: string | undefined;
  readonly matchers: readonly string[];
  readonly isRange: boolean;
}

/** The metrics that a query selects, and the labels it groups by. */
function readQuery(query: string): { selectors: Selector[]; labels: string[] } {
  const labels: string[] = [];
  const grouping = /\b(?:by|on|without|ignoring|group_left|group_right) ?\(([^)]*)\)/g;
  const ungrouped = query.replaceAll(grouping, (_, list: string) => {
    labels.push(...list.split(",").map((label) => label.trim()));
    return " ";
  });
  const rest = ungrouped.replaceAll(/\s+\(/g, "(");
  const selectors: Selector[] = [];
  for (const match of rest.matchAll(NAME)) {
    const [whole, name, braces = "", range] = match;
    const isCall = rest[match.index + whole.length] === "(";
    if (isCall || WORDS.has(name!)) continue;
    const [, within] = /(\w+)\($/.exec(rest.slice(0, match.index)) ?? [];
    const matchers = [...braces.matchAll(/(\w+)\s*(?:=~|!~|!=|=)/g)].map(([, label]) => label!);
    selectors.push({ name: name!, within, matchers, isRange: range !== undefined });
  }
  return { selectors, labels: labels.filter((label) => label !== "") };
}

function findFaults(query: string): string[] {
  const { selectors, labels } = readQuery(query);
  const faults: string[] = [];
  if (selectors.length === 0) faults.push("selects nothing");
  const known = new Set(TARGET_LABELS);
  for (const { name, within = "", matchers, isRange } of selectors) {
    const metric = METRICS.get(name);
    if (metric === undefined) {
      faults.push(`${name} is no metric of the node`);
      continue;
    }
    for (const label of metric.labels) known.add(label);
    const rises = metric.type === "counter" || metric.type === "bucket";
    if (metric.type === "histogram") faults.push(`${name} is a histogram: take _bucket, _sum or _count`);
    else if (rises !== (isRange && OF_COUNTERS.has(within)))
      faults.push(`${name} is a ${metric.type} within "${within}"`);
    if (!rises && isRange !== OF_GAUGES.has(within)) faults.push(`${name} has a range within "${within}"`);
    if (metric.type === "bucket" && !query.includes("histogram_quantile("))
      faults.push(`${name} needs histogram_quantile`);
    for (const label of matchers)
      if (![...TARGET_LABELS, ...metric.labels].includes(label)) faults.push(`${name} has no label ${label}`);
  }
  for (const label of labels) if (!known.has(label)) faults.push(`no metric has the label ${label}`);
  return faults;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly gridPos: { readonly h: number; readonly w: number; readonly x: number; readonly y: number };
  readonly targets?: readonly {
    readonly expr: string;
    readonly legendFormat: string;
    readonly datasource: { readonly uid: string };
  }[];
}

const dashboard = JSON.parse(read("deploy/grafana/lhg-node.json")) as {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly panels: readonly Panel[];
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly type: string; readonly query: unknown }[];
  };
};
const charts = dashboard.panels.filter(({ type }) => type !== "row");

test("every panel asks for metrics that are there, and for their types in the right way", () => {
  for (const { title, targets = [] } of charts) {
    assert.ok(targets.length > 0, title);
    for (const { expr, datasource } of targets) {
      assert.deepEqual(findFaults(expr), [], `${title}: ${expr}`);
      for (const { matchers } of readQuery(expr).selectors) assert.ok(matchers.includes("instance"), title);
      assert.match(datasource.uid, /^\$\{datasource\}$/, title);
    }
  }
});

test("a legend names labels that the query leaves", () => {
  for (const { title, targets = [] } of charts)
    for (const { expr, legendFormat } of targets) {
      const { selectors, labels } = readQuery(expr);
      const own = selectors.flatMap(({ name }) => METRICS.get(name)?.labels ?? []);
      const left = labels.length > 0 ? labels : [...TARGET_LABELS, ...own];
      for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g))
        assert.ok(left.includes(label!), `${title}: ${label} is not in ${expr}`);
    }
});

test("the dashboard can be imported: rows, places and variables are whole", () => {
  assert.ok(dashboard.schemaVersion >= 39, "Grafana 11 or later");
  const rows = dashboard.panels.filter(({ type }) => type === "row").map(({ title }) => title);
  for (const title of ["Consensus", "Network", "Mempool", "Execution", "Storage", "Devices", "Process"])
    assert.ok(rows.includes(title), title);
  assert.deepEqual(
    dashboard.templating.list.map(({ name, type }) => [name, type]),
    [
      ["datasource", "datasource"],
      ["instance", "query"],
    ],
  );
  assert.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length);
  const taken = new Set<string>();
  for (const { title, gridPos } of dashboard.panels) {
    assert.ok(gridPos.x + gridPos.w <= 24, title);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        assert.ok(!taken.has(`${x}/${y}`), `${title} covers another panel`);
        taken.add(`${x}/${y}`);
      }
  }
});

test("every metric of the node has its place in the dashboard or in an alert", () => {
  const asked = read("deploy/grafana/lhg-node.json") + read("deploy/alerts.yml");
  for (const name of METRICS.keys())
    if (name.startsWith("lhg_") && METRICS.get(name)!.type !== "bucket" && !/_(sum|count)$/.test(name))
      assert.ok(asked.includes(name), `${name} is nowhere shown`);
});

test("alerts ask for metrics that are there, and docs/operating.md explains each", () => {
  const alerts = read("deploy/alerts.yml");
  const rules = [...alerts.matchAll(/^ {6}- alert: (\w+)\n {8}expr: (.+)$/gm)];
  assert.equal(rules.length, [...alerts.matchAll(/^\s*- alert:/gm)].length);
  for (const [, name, expr] of rules) {
    assert.deepEqual(findFaults(expr!), [], `${name}: ${expr}`);
    assert.ok(read("docs/operating.md").includes(`\`${name}\``), `${name} is not explained`);
  }
});

test("the sample of Prometheus scrapes the path that the API has, and takes the alerts", () => {
  const config = read("deploy/prometheus.yml");
  assert.match(config, /metrics_path: \/api\/v1\/metrics/);
  assert.match(config, /- alerts\.yml/);
  assert.match(read("deploy/alerts.yml"), /up\{job="lhg"\}/);
  assert.match(config, /job_name: lhg$/m);
});

test("a query that a metric's type does not allow is found", () => {
  const faults = [
    "lhg_nothing",
    "lhg_p2p_bytes_total",
    "rate(lhg_height[1m])",
    "lhg_finality_seconds",
    "rate(lhg_finality_seconds_bucket[1m])",
    "sum by (colour) (lhg_height)",
    'lhg_height{colour="red"}',
    "lhg_height[5m]",
    "1 + 2",
  ];
  for (const query of faults) assert.equal(findFaults(query).length > 0, true, query);
  assert.deepEqual(findFaults("60 * rate(lhg_block_interval_seconds_count[1m]) > 5"), []);
});
