/** What the node's metrics say, for an operator. */
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect, useMemo, useState } from "react";
import { fetchMetrics } from "../../node/questions.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Answer } from "../../ui/answer.tsx";
import { formatBytes, formatDuration, formatNumber } from "../../ui/format.ts";
import { Panel } from "../../ui/panel.tsx";
import { TimeChart } from "../../ui/time-chart.tsx";
import { Facts } from "../../ui/values.tsx";
import { findMetric, type Metrics, parseMetrics } from "./prometheus.ts";

const REFRESH_MS = 2_000;
const POINTS_MAX = 300;
/** Beyond it people notice, and votes of dBFT come late. */
export const LAG_SECONDS_MAX = 0.1;

export function useMetrics(): UseQueryResult<Metrics> & { readonly metrics: Metrics | undefined } {
  const query = useQuery({
    queryKey: ["metrics"],
    queryFn: async () => parseMetrics(await fetchMetrics()),
    refetchInterval: REFRESH_MS,
    // A map: compared by identity.
    structuralSharing: false,
  });
  return { ...query, metrics: query.data };
}

interface Usage {
  readonly timeMs: number;
  readonly cpuSeconds: number;
  readonly memoryBytes: number;
}

export function MachinePanel(): ReactNode {
  const { node: words } = useStrings();
  const query = useMetrics();
  const usages = useUsages(query.metrics, query.dataUpdatedAt);
  const cpu = useMemo(() => computeLoads(usages), [usages]);
  const lines = useMemo(() => [{ label: words.cpu, values: cpu.values }], [words.cpu, cpu]);
  return (
    <Panel title={words.machine}>
      <Answer query={query}>
        {(metrics) => {
          const read = (name: string): number | undefined => findMetric(metrics, name);
          const memory = read("process_resident_memory_bytes");
          const lag = read("nodejs_eventloop_lag_p99_seconds");
          const files = read("process_open_fds");
          const filesMax = read("process_max_fds");
          const load = cpu.values.at(-1);
          return (
            <Facts
              facts={[
                memory === undefined ? undefined : [words.memory, formatBytes(memory)],
                load === undefined ? undefined : [words.cpu, `${formatNumber(load)} ${words.percent}`],
                lag === undefined ? undefined : [words.lag, formatDuration(lag * 1_000)],
                files === undefined || filesMax === undefined
                  ? undefined
                  : [words.files, words.ofMax(formatNumber(files), formatNumber(filesMax))],
              ]}
            />
          );
        }}
      </Answer>
      <TimeChart
        label={words.cpu}
        unit={words.percent}
        times={cpu.times}
        lines={lines}
        heightPx={130}
        isFilled
      />
    </Panel>
  );
}

/** What was seen while this page is open. */
function useUsages(metrics: Metrics | undefined, timeMs: number): readonly Usage[] {
  const [usages, setUsages] = useState<readonly Usage[]>([]);
  useEffect(() => {
    if (metrics === undefined) return;
    const cpuSeconds = findMetric(metrics, "process_cpu_seconds_total") ?? 0;
    const memoryBytes = findMetric(metrics, "process_resident_memory_bytes") ?? 0;
    setUsages((before) => {
      // A node that was started again counts from zero.
      const kept = cpuSeconds < (before.at(-1)?.cpuSeconds ?? 0) ? [] : before;
      return [...kept.filter((usage) => usage.timeMs < timeMs), { timeMs, cpuSeconds, memoryBytes }].slice(
        -POINTS_MAX,
      );
    });
  }, [metrics, timeMs]);
  return usages;
}

/** Per cent of one core between two looks. */
function computeLoads(usages: readonly Usage[]): { times: number[]; values: number[] } {
  const times: number[] = [];
  const values: number[] = [];
  for (let i = 1; i < usages.length; i++) {
    const [before, now] = [usages[i - 1]!, usages[i]!];
    times.push(now.timeMs);
    values.push((100_000 * (now.cpuSeconds - before.cpuSeconds)) / (now.timeMs - before.timeMs));
  }
  return { times, values };
}

export function WorkPanel(): ReactNode {
  const { node: words } = useStrings();
  const query = useMetrics();
  return (
    <Panel title={words.work}>
      <Answer query={query}>
        {(metrics) => {
          const read = (name: string, labels?: Record<string, string>): number | undefined =>
            findMetric(metrics, name, labels);
          const count = (value: number | undefined): string => formatNumber(value ?? 0);
          const blocks = read("lhg_block_interval_seconds_count") ?? 0;
          const seconds = read("lhg_block_interval_seconds_sum") ?? 0;
          const inbox = read("lhg_inbox_bytes");
          return (
            <Facts
              facts={[
                blocks === 0 ? undefined : [words.interval, formatDuration((1_000 * seconds) / blocks)],
                [words.ok, count(read("lhg_statements_total", { result: "ok" }))],
                [words.failed, count(read("lhg_statements_total", { result: "failed" }))],
                [words.skipped, count(read("lhg_statements_total", { result: "skipped" }))],
                ...(metrics.get("lhg_submissions_total") ?? []).map(
                  ({ labels, value }) =>
                    [words.submissions(labels.answer ?? ""), formatNumber(value)] as const,
                ),
                inbox === undefined ? undefined : [words.inbox, formatBytes(inbox)],
              ]}
            />
          );
        }}
      </Answer>
    </Panel>
  );
}
