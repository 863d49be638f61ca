/** Virtual time: events in order of their time, those of one time in order of their entry. */
interface Event {
  readonly atMs: number;
  readonly order: number;
  readonly run: () => void;
}

export interface EventQueue {
  nowMs: number;
  order: number;
  readonly heap: Event[];
}

export function createEventQueue(): EventQueue {
  return { nowMs: 0, order: 0, heap: [] };
}

function isBefore(a: Event, b: Event): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

export function schedule(queue: EventQueue, delayMs: number, run: () => void): void {
  const { heap } = queue;
  const event = { atMs: queue.nowMs + Math.max(0, Math.ceil(delayMs)), order: queue.order++, run };
  let i = heap.length;
  heap.push(event);
  while (i > 0) {
    const parent = (i - 1) >> 1;
    if (!isBefore(event, heap[parent]!)) break;
    heap[i] = heap[parent]!;
    i = parent;
  }
  heap[i] = event;
}

/** Runs the next event; false when there is none. */
export function runNext(queue: EventQueue): boolean {
  const { heap } = queue;
  const first = heap[0];
  const last = heap.pop();
  if (first === undefined || last === undefined) return false;
  if (heap.length > 0) siftDown(heap, last);
  queue.nowMs = first.atMs;
  first.run();
  return true;
}

function siftDown(heap: Event[], event: Event): void {
  let i = 0;
  for (;;) {
    let child = 2 * i + 1;
    if (child >= heap.length) break;
    if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++;
    if (!isBefore(heap[child]!, event)) break;
    heap[i] = heap[child]!;
    i = child;
  }
  heap[i] = event;
}
