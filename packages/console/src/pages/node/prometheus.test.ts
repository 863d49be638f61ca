import assert from "node:assert/strict";
import { test } from "node:test";
import { findMetric, parseMetrics } from "./prometheus.ts";

const TEXT = String.raw`# HELP lhg_height Height
# TYPE lhg_height gauge
lhg_height 12
lhg_statements_total{result="ok"} 7
lhg_statements_total{result="failed"} 1.5e1 1795174175021
odd{path="a\"b\\c",le="+Inf"} +Inf
this is no metric
nothing NaN
`;

test("figures are found by name and labels", () => {
  const metrics = parseMetrics(TEXT);
  assert.equal(findMetric(metrics, "lhg_height"), 12);
  assert.equal(findMetric(metrics, "lhg_statements_total", { result: "failed" }), 15);
  assert.equal(findMetric(metrics, "odd", { path: 'a"b\\c' }), Number.POSITIVE_INFINITY);
  assert.equal(findMetric(metrics, "lhg_statements_total", { result: "skipped" }), undefined);
  assert.equal(findMetric(metrics, "nothing"), undefined);
});
