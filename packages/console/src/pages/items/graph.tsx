/** The journey as a drawing of items and what joins them, and the same in words. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";
import { type ReactNode, useMemo } from "react";
import { Link } from "react-router";
import { useStrings } from "../../strings/strings.tsx";
import { ItemLink, itemPath } from "../../ui/links.tsx";
import { Empty } from "../../ui/states.tsx";
import { toPlainText } from "../../words/foreign-text.ts";
import { readIdentity, shortIdentity } from "../../words/identity.ts";
import { type Graph, type GraphEdge, type GraphNode, layOutGraph } from "./graph-layout.ts";
import { GraphScroll } from "./graph-scroll.tsx";

const COLUMN_PX = 194;
const ROW_PX = 72;
const NODE_WIDTH_PX = 158;
const NODE_HEIGHT_PX = 48;
const MARGIN_PX = 8;

interface Props {
  readonly identity: string;
  readonly events: readonly TracedEvent[];
  readonly items: readonly string[];
  /** One for each event. */
  readonly transformationIds: readonly (string | null)[];
}

export function JourneyGraph({ identity, events, items, transformationIds }: Props): ReactNode {
  const { item } = useStrings();
  const graph = useMemo(
    () => layOutGraph(identity, events, items, transformationIds),
    [identity, events, items, transformationIds],
  );
  if (graph.edges.length === 0) return <Empty>{item.graphAlone}</Empty>;
  const asked = place(graph.nodes.find(({ isAsked }) => isAsked) ?? graph.nodes[0]!, graph);
  return (
    <>
      <p className="muted small no-print">{item.graphNote}</p>
      <GraphScroll label={item.graph} x={asked.x + NODE_WIDTH_PX / 2} y={asked.y + NODE_HEIGHT_PX / 2}>
        <Drawing graph={graph} />
      </GraphScroll>
      {graph.hidden === 0 ? null : <p className="muted">{item.graphHidden(graph.hidden)}</p>}
      <details>
        <summary>{item.graphText}</summary>
        <ul>
          {graph.edges.map(({ from, to, kind }) => (
            <li key={`${from} ${to}`}>
              <NodeWords node={graph.nodes[from]!} /> {item.edges[kind]} <NodeWords node={graph.nodes[to]!} />
            </li>
          ))}
        </ul>
      </details>
    </>
  );
}

function NodeWords({ node }: { node: GraphNode }): ReactNode {
  const { item } = useStrings();
  const more = node.items.length - 1;
  return (
    <>
      <ItemLink identity={node.items[0]!} />
      {more === 0 ? null : ` ${item.moreItems(more)}`}
    </>
  );
}

function Drawing({ graph }: { graph: Graph }): ReactNode {
  const { item } = useStrings();
  const width = graph.columns * COLUMN_PX - (COLUMN_PX - NODE_WIDTH_PX) + 2 * MARGIN_PX;
  const height = graph.rows * ROW_PX - (ROW_PX - NODE_HEIGHT_PX) + 2 * MARGIN_PX;
  return (
    <svg className="graph" width={width} height={height} viewBox={`0 0 ${width} ${height}`}>
      <title>{item.graph}</title>
      {graph.edges.map((edge) => (
        <Edge key={`${edge.from} ${edge.to}`} edge={edge} graph={graph} />
      ))}
      {graph.nodes.map((node) => (
        <Node key={node.items[0]} node={node} at={place(node, graph)} />
      ))}
    </svg>
  );
}

interface Point {
  readonly x: number;
  readonly y: number;
}

/** Short columns stand in the middle of the drawing. */
function place({ column, row }: GraphNode, { nodes, rows }: Graph): Point {
  const used = nodes.filter((other) => other.column === column).length;
  return {
    x: MARGIN_PX + column * COLUMN_PX,
    y: MARGIN_PX + (row + (rows - used) / 2) * ROW_PX,
  };
}

function Edge({ edge: { from, to, kind }, graph }: { edge: GraphEdge; graph: Graph }): ReactNode {
  const start = place(graph.nodes[from]!, graph);
  const end = place(graph.nodes[to]!, graph);
  const [x1, y1] = [start.x + NODE_WIDTH_PX, start.y + NODE_HEIGHT_PX / 2];
  const [x2, y2] = [end.x, end.y + NODE_HEIGHT_PX / 2];
  const bend = Math.max(24, (x2 - x1) / 2);
  return (
    <path className={`edge ${kind}`} d={`M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`} />
  );
}

function Node({ node, at }: { node: GraphNode; at: Point }): ReactNode {
  const { item } = useStrings();
  const first = node.items[0]!;
  const parts = readIdentity(first);
  const more = node.items.length - 1;
  const kind =
    parts.lot !== undefined ? item.lot : parts.serial !== undefined ? item.serial : item.names[parts.name];
  const label = more === 0 ? kind : `${kind} × ${node.items.length}`;
  const name = toPlainText(shortIdentity(first), 20);
  return (
    <Link to={itemPath(first)} aria-current={node.isAsked ? "true" : undefined}>
      <rect
        className={node.isAsked ? "node asked" : "node"}
        x={at.x}
        y={at.y}
        width={NODE_WIDTH_PX}
        height={NODE_HEIGHT_PX}
        rx={9}
      />
      <text className="node-kind" x={at.x + 10} y={at.y + 18}>
        {label}
      </text>
      <text className="node-name" x={at.x + 10} y={at.y + 37}>
        {name}
      </text>
    </Link>
  );
}
