/** How fast the node is just now: rates and finality of the last minute, as one sees them who sends to it. */
import type { NodePace } from "./api/service.ts";

export interface PaceMeter {
  /** Statements that were acknowledged just now; one of them is followed. */
  noteAccepted(ids: readonly string[]): void;
  noteBlock(ids: Iterable<string>, statements: number): void;
  read(): NodePace;
}

const WINDOW_MS = 60_000;
/** Followed at a time: a sample is enough, and what is never committed must not pile up. */
const FOLLOWED_MAX = 256;
const SAMPLES_MAX = 2_000;

/** `onFinal` hears of each statement that was followed to its block. */
export function createPaceMeter(
  nowMs: () => number = () => performance.now(),
  onFinal: (tookMs: number) => void = () => {},
): PaceMeter {
  const startedMs = nowMs();
  const acceptedMs = new Map<string, number>();
  let blocks: { readonly atMs: number; readonly statements: number }[] = [];
  let samples: { readonly atMs: number; readonly tookMs: number }[] = [];

  function forget(): void {
    const from = nowMs() - WINDOW_MS;
    const isNew = ({ atMs }: { readonly atMs: number }): boolean => atMs > from;
    if (blocks[0] !== undefined && !isNew(blocks[0])) blocks = blocks.filter(isNew);
    if (samples[0] !== undefined && !isNew(samples[0])) samples = samples.filter(isNew);
  }

  return {
    noteAccepted: ([id]) => {
      if (id === undefined || acceptedMs.has(id)) return;
      acceptedMs.set(id, nowMs());
      if (acceptedMs.size > FOLLOWED_MAX) acceptedMs.delete(acceptedMs.keys().next().value!);
    },
    noteBlock: (ids, statements) => {
      const atMs = nowMs();
      forget();
      blocks.push({ atMs, statements });
      if (acceptedMs.size === 0) return;
      for (const id of ids) {
        const since = acceptedMs.get(id);
        if (since === undefined) continue;
        acceptedMs.delete(id);
        onFinal(atMs - since);
        if (samples.length < SAMPLES_MAX) samples.push({ atMs, tookMs: atMs - since });
      }
    },
    read: () => {
      forget();
      const windowMs = Math.max(1_000, Math.min(WINDOW_MS, nowMs() - startedMs));
      const total = blocks.reduce((sum, { statements }) => sum + statements, 0);
      const sorted = samples.map(({ tookMs }) => tookMs).sort((a, b) => a - b);
      const at = (share: number): number =>
        Math.round(10 * sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))]!) / 10;
      return {
        statementsPerSecond: Math.round((1e4 * total) / windowMs) / 10,
        blocksPerMinute: Math.round((blocks.length * WINDOW_MS) / windowMs),
        finalityMs: sorted.length === 0 ? null : { p50: at(0.5), p99: at(0.99) },
      };
    },
  };
}
