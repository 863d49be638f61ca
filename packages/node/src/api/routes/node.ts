import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { totalsView } from "../../queries/views.ts";
import type { OpenApi } from "../openapi.ts";
import { addOperation, JSON_TYPE, NOTHING, type Operation } from "../operations.ts";
import type { NodeService } from "../service.ts";

const statusView = Type.Object({
  version: Type.String(),
  chainId: Type.String(),
  engine: Type.String(),
  height: Type.Integer(),
  provableHeight: Type.Union([Type.Integer(), Type.Null()]),
  firstHeight: Type.Integer({ description: "blocks from this height on are kept; 1: all" }),
  timeMs: Type.Integer(),
  appHash: Type.String(),
  validators: Type.Integer(),
  isValidator: Type.Boolean(),
  peers: Type.Integer(),
  mempool: Type.Object({ statements: Type.Integer(), sizeBytes: Type.Integer() }),
  uptimeMs: Type.Integer(),
  isReady: Type.Boolean(),
  publicUrl: Type.Optional(Type.String({ description: "where people and phones reach the node" })),
});

const paceView = Type.Object({
  statementsPerSecond: Type.Number({ description: "over the last minute, like all that follows" }),
  blocksPerMinute: Type.Integer(),
  finalityMs: Type.Union([
    Type.Object({ p50: Type.Number(), p99: Type.Number() }),
    Type.Null({ description: "nothing was sent to this node" }),
  ]),
});

const common = { method: "GET", tag: "node", params: NOTHING, query: NOTHING, status: 200 } as const;
const verdict = { [JSON_TYPE]: Type.Object({ status: Type.String() }) };

export function addNodeRoutes(app: FastifyInstance, service: NodeService): void {
  const add = (
    operation: Pick<Operation, "id" | "path" | "summary" | "answer">,
    handler: Parameters<typeof addOperation>[2],
  ): void => addOperation(app, { ...common, ...operation }, handler);
  add(
    {
      id: "getStatus",
      path: "/status",
      summary: "Heights, validators, mempool",
      answer: { [JSON_TYPE]: statusView },
    },
    () => service.status(),
  );
  add(
    {
      id: "getStatistics",
      path: "/statistics",
      summary: "How much there is on the chain, and how fast the node is just now",
      answer: { [JSON_TYPE]: Type.Intersect([totalsView, paceView]) },
    },
    async () => ({ ...(await service.query("getTotals", {})), ...service.pace() }),
  );
  add({ id: "getHealth", path: "/health", summary: "The process is alive", answer: verdict }, () => ({
    status: "ok",
  }));
  add(
    {
      id: "getReady",
      path: "/ready",
      summary: "Statements are taken and questions answered",
      answer: verdict,
    },
    async (_input, _request, reply) => {
      const { isReady } = await service.status();
      if (!isReady) reply.code(503);
      return { status: isReady ? "ready" : "starting" };
    },
  );
  add(
    {
      id: "getMetrics",
      path: "/metrics",
      summary: "Prometheus metrics",
      answer: { "text/plain": Type.String() },
    },
    async (_input, _request, reply) => reply.type("text/plain; version=0.0.4").send(await service.metrics()),
  );
}

/** The description of all routes, its own included, for programs and for people. */
export function addDescriptionRoutes(
  app: FastifyInstance,
  describe: () => OpenApi,
  renderPage: () => { readonly html: string; readonly contentSecurityPolicy: string },
): void {
  addOperation(
    app,
    {
      ...common,
      id: "getOpenApi",
      path: "/openapi.json",
      summary: "This description (OpenAPI 3.1)",
      answer: { [JSON_TYPE]: Type.Unknown() },
    },
    describe,
  );
  addOperation(
    app,
    {
      ...common,
      id: "getDocs",
      path: "/docs",
      summary: "This description for people",
      answer: { "text/html": Type.String() },
    },
    (_input, _request, reply) => {
      const { html, contentSecurityPolicy } = renderPage();
      return reply
        .type("text/html; charset=utf-8")
        .header("content-security-policy", contentSecurityPolicy)
        .send(html);
    },
  );
}
