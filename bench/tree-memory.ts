/** Memory of a process and of all that it started, as Linux tells it. */
import { readdirSync, readFileSync } from "node:fs";

export interface TreeMemory {
  readonly processes: number;
  /**
   * Anonymous pages of all, and of each mapped file as much as the process has that has most of it: close to PSS on a
   * machine where nobody else runs the same programs, and the same wherever somebody does.
   */
  readonly onceBytes: number;
  /** Pages shared with any other process of the machine count in part. */
  readonly proportionalBytes: number;
  /** Pages shared within the tree count several times. */
  readonly residentBytes: number;
}

/** Undefined where the system does not tell. */
export function readTreeMemory(root: number | undefined): TreeMemory | undefined {
  if (root === undefined) return undefined;
  try {
    const all = listTree(root).map((pid) => readMaps(readFileSync(`/proc/${pid}/smaps`, "utf8")));
    const files = new Map<string, number>();
    for (const { fileBytes } of all)
      for (const [file, bytes] of fileBytes) files.set(file, Math.max(bytes, files.get(file) ?? 0));
    return {
      processes: all.length,
      onceBytes: sum([...all.map(({ anonymousBytes }) => anonymousBytes), ...files.values()]),
      proportionalBytes: sum(all.map(({ proportionalBytes }) => proportionalBytes)),
      residentBytes: sum(all.map(({ residentBytes }) => residentBytes)),
    };
  } catch {
    // Not Linux, or a process is gone.
    return undefined;
  }
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** The process, and all below it. Throws where the system does not tell. */
export function listTree(root: number): number[] {
  const parents = new Map<number, number>();
  for (const name of readdirSync("/proc")) {
    const parent = /^\d+$/.test(name) ? readParent(name) : undefined;
    if (parent !== undefined) parents.set(Number(name), parent);
  }
  const found = [root];
  for (const pid of found) for (const [child, parent] of parents) if (parent === pid) found.push(child);
  return found;
}

function readParent(pid: string): number | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program stands in brackets and may hold spaces and brackets.
    return Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]);
  } catch {
    // Ended since the list was read.
    return undefined;
  }
}

interface Maps {
  readonly residentBytes: number;
  readonly proportionalBytes: number;
  readonly anonymousBytes: number;
  readonly fileBytes: ReadonlyMap<string, number>;
}

function readMaps(smaps: string): Maps {
  const fileBytes = new Map<string, number>();
  const totals = { Rss: 0, Pss: 0, Anonymous: 0 };
  let file = "";
  let resident = 0;
  for (const line of smaps.split("\n")) {
    const head = /^[0-9a-f]+-[0-9a-f]+ \S+ \S+ (\S+ \d+)/.exec(line)?.[1];
    if (head !== undefined) file = head;
    const field = /^(Rss|Pss|Anonymous): +(\d+) kB$/.exec(line);
    if (field === null) continue;
    const bytes = Number(field[2]) * 1024;
    const name = field[1] as keyof typeof totals;
    totals[name] += bytes;
    if (name === "Rss") resident = bytes;
    if (name === "Anonymous") fileBytes.set(file, (fileBytes.get(file) ?? 0) + resident - bytes);
  }
  return {
    residentBytes: totals.Rss,
    proportionalBytes: totals.Pss,
    anonymousBytes: totals.Anonymous,
    fileBytes,
  };
}
