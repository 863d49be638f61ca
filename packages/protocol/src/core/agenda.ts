/**
 * Due actions by time: a binary heap in the state, so that the earliest is found and any is added in
 * O(log n) reads. Equal times keep the order in which they were added.
 */
import { bytes, type Infer, record, uint } from "./codec/definition.ts";
import { assertInvariant } from "./errors.ts";
import { CORE_MODULE } from "./parameters.ts";
import type { StateAccess, StateReader } from "./state/overlay.ts";
import { BASE } from "./state/partition.ts";
import { defineTable } from "./state/table.ts";

const entry = record(1, {
  dueMs: uint(),
  order: uint(),
  module: uint(0xffff),
  kind: uint(0xffff),
  payload: bytes({ max: 4096 }),
});
export type AgendaEntry = Infer<typeof entry>;

const entries = defineTable<[number], AgendaEntry>("agenda entry", CORE_MODULE, 3, entry);
const counters = defineTable<[], { size: number; next: number }>(
  "agenda size",
  CORE_MODULE,
  4,
  record(1, { size: uint(), next: uint() }),
);

function at(state: StateReader, index: number): AgendaEntry {
  const found = entries.get(state, BASE, index);
  assertInvariant(found !== undefined, `agenda entry ${index} is missing`);
  return found;
}

function isBefore(a: AgendaEntry, b: AgendaEntry): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.order < b.order);
}

export function addToAgenda(state: StateAccess, value: Omit<AgendaEntry, "order">): void {
  const { size, next } = counters.get(state, BASE) ?? { size: 0, next: 0 };
  const added: AgendaEntry = { ...value, order: next };
  let index = size;
  while (index > 0) {
    const parentIndex = (index - 1) >> 1;
    const parent = at(state, parentIndex);
    if (!isBefore(added, parent)) break;
    entries.set(state, BASE, parent, index);
    index = parentIndex;
  }
  entries.set(state, BASE, added, index);
  counters.set(state, BASE, { size: size + 1, next: next + 1 });
}

/** When the earliest entry is due, undefined when there is none. */
export function nextDueMs(state: StateReader): number | undefined {
  return entries.get(state, BASE, 0)?.dueMs;
}

/** Takes the earliest entry off when it is due at `timeMs`. */
export function takeDue(state: StateAccess, timeMs: number): AgendaEntry | undefined {
  const first = entries.get(state, BASE, 0);
  if (first === undefined || first.dueMs > timeMs) return undefined;
  const counter = counters.get(state, BASE)!;
  const size = counter.size - 1;
  counters.set(state, BASE, { size, next: counter.next });
  const last = at(state, size);
  entries.set(state, BASE, undefined, size);
  if (size === 0) return first;
  let index = 0;
  for (;;) {
    let child = 2 * index + 1;
    if (child >= size) break;
    if (child + 1 < size && isBefore(at(state, child + 1), at(state, child))) child++;
    const candidate = at(state, child);
    if (!isBefore(candidate, last)) break;
    entries.set(state, BASE, candidate, index);
    index = child;
  }
  entries.set(state, BASE, last, index);
  return first;
}
