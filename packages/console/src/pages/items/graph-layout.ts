/** The journey as a graph: items are nodes, events join them; what came first stands left. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import { readIdentity } from "../../words/identity.ts";

export interface GraphNode {
  /** Items that stand for one another here: made and packed together. The first is shown. */
  readonly items: readonly string[];
  readonly column: number;
  readonly row: number;
  readonly isAsked: boolean;
}

export type EdgeKind = "transformed" | "packed" | "built";

export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  readonly kind: EdgeKind;
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly columns: number;
  readonly rows: number;
  /** Nodes that were left out because there were too many. */
  readonly hidden: number;
}

export const NODES_MAX = 60;

interface Link {
  readonly from: string;
  readonly to: string;
  readonly kind: EdgeKind;
}

/** Events by claimed time, with the ids of their transformations; `items` are those that the trace went through. */
export function layOutGraph(
  asked: string,
  events: readonly TracedEvent[],
  items: readonly string[],
  transformationIds: readonly (string | null)[] = [],
): Graph {
  const shown = new Set([asked, ...items]);
  const links = findLinks(gather(events, transformationIds), shown);
  const groups = groupItems(asked, shown, links);
  const kept = groups.slice(0, NODES_MAX);
  const nodeOf = new Map(kept.flatMap((members, node) => members.map((item) => [item, node] as const)));
  const edges = joinNodes(links, nodeOf);
  const columns = findColumns(kept.length, edges);
  const rowsUsed: number[] = [];
  const order = kept.map((_, node) => node).sort((a, b) => columns[a]! - columns[b]! || a - b);
  const rows = new Map<number, number>();
  for (const node of order) {
    const column = columns[node]!;
    const row = rowsUsed[column] ?? 0;
    rows.set(node, row);
    rowsUsed[column] = row + 1;
  }
  return {
    nodes: kept.map((members, node) => ({
      items: members,
      column: columns[node]!,
      row: rows.get(node)!,
      isAsked: members.includes(asked),
    })),
    edges,
    columns: Math.max(1, rowsUsed.length),
    rows: Math.max(1, ...rowsUsed.map((used) => used ?? 0)),
    hidden: groups.length - kept.length,
  };
}

function findLinks(joined: readonly Joined[], shown: ReadonlySet<string>): Link[] {
  const links = new Map<string, Link>();
  const add = (link: Link): void => {
    if (shown.has(link.from) && shown.has(link.to) && link.from !== link.to)
      links.set(JSON.stringify([link.from, link.to]), link);
  };
  for (const { kind, from, to } of joined) {
    if (links.size > LINKS_MAX) break;
    for (const source of from) for (const target of to) add({ from: source, to: target, kind });
  }
  return [...links.values()];
}

interface Joined {
  readonly kind: EdgeKind;
  readonly from: string[];
  readonly to: string[];
}

const LINKS_PER_EVENT_MAX = 200;
const LINKS_MAX = 50_000;

function gather(events: readonly TracedEvent[], transformationIds: readonly (string | null)[]): Joined[] {
  const found = new Map<string, Joined>();
  for (const [i, { capture, captor, event, isRetracted, log }] of events.entries()) {
    if (isRetracted || log === "observation") continue;
    const of = (role: string): string[] =>
      event.items
        .filter((item) => item.role === role)
        .slice(0, LINKS_PER_EVENT_MAX)
        .map(({ identity }) => identity);
    const transformation = transformationIds[i] ?? null;
    const name = transformation === null ? `${capture}:${event.index}` : `${captor} ${transformation}`;
    if (event.type === "TransformationEvent") {
      const held = found.get(name);
      if (held === undefined) found.set(name, { kind: "transformed", from: of("input"), to: of("output") });
      else {
        held.from.push(...of("input"));
        held.to.push(...of("output"));
      }
    } else if (event.action !== "DELETE" && of("parent").length > 0)
      found.set(name, {
        kind: event.type === "AssociationEvent" ? "built" : "packed",
        from: of("child"),
        to: of("parent"),
      });
  }
  return [...found.values()];
}

/** Differences so many steps away keep items apart. */
const REFINEMENTS = 6;

/**
 * Things of one article with the same kind of neighbours become one node: phones of one lot in one kind of carton. Lots
 * stay apart, and so does the item that was asked for. Partition refinement, as in the minimisation of automata.
 */
function groupItems(asked: string, shown: ReadonlySet<string>, links: readonly Link[]): string[][] {
  const linked = new Set([asked, ...links.flatMap(({ from, to }) => [from, to])]);
  const items = [...shown].filter((item) => linked.has(item));
  let classes = new Map(items.map((item) => [item, item === asked ? "asked" : articleOf(item)]));
  for (let round = 0; round < REFINEMENTS; round++) {
    const around = new Map<string, Set<string>>(items.map((item) => [item, new Set()]));
    for (const { from, to, kind } of links) {
      around.get(from)!.add(`>${kind} ${classes.get(to)}`);
      around.get(to)!.add(`<${kind} ${classes.get(from)}`);
    }
    const numbers = new Map<string, string>();
    const refined = new Map<string, string>();
    for (const item of items) {
      const name = JSON.stringify([classes.get(item), ...[...around.get(item)!].sort()]);
      if (!numbers.has(name)) numbers.set(name, String(numbers.size));
      refined.set(item, numbers.get(name)!);
    }
    classes = refined;
  }
  const groups = new Map<string, string[]>();
  for (const item of items) {
    const name = classes.get(item)!;
    const held = groups.get(name);
    if (held === undefined) groups.set(name, [item]);
    else held.push(item);
  }
  return [...groups.values()];
}

/** What things of one kind share: the article of a serial, that it is a pallet or parcel; of all else the identity. */
function articleOf(identity: string): string {
  const { name, value, serial } = readIdentity(identity);
  if (serial !== undefined) return `article ${value}`;
  return name === "sscc" ? "carrier" : `one ${identity}`;
}

function joinNodes(links: readonly Link[], nodeOf: ReadonlyMap<string, number>): GraphEdge[] {
  const edges = new Map<string, GraphEdge>();
  for (const link of links) {
    const [from, to] = [nodeOf.get(link.from), nodeOf.get(link.to)];
    if (from !== undefined && to !== undefined && from !== to)
      edges.set(`${from} ${to}`, { from, to, kind: link.kind });
  }
  return [...edges.values()];
}

/** The longest way to a node is its column; an edge that would close a circle moves nothing. */
function findColumns(count: number, edges: readonly GraphEdge[]): number[] {
  const columns = Array.from({ length: count }, () => 0);
  for (let round = 0; round < count; round++) {
    let hasMoved = false;
    for (const { from, to } of edges) {
      const wanted = columns[from]! + 1;
      if (columns[to]! >= wanted || wanted >= count) continue;
      columns[to] = wanted;
      hasMoved = true;
    }
    if (!hasMoved) break;
  }
  const used = [...new Set(columns)].sort((a, b) => a - b);
  return columns.map((column) => used.indexOf(column));
}
