import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { addressText } from "../../queries/views.ts";
import { addOperation, JSON_TYPE, NOTHING, object } from "../operations.ts";
import type { NodeService } from "../service.ts";

const ITEMS_MAX = 1_000;

const presenceView = Type.Object({
  online: Type.Integer({ description: "how many are connected now" }),
  items: Type.Array(
    Type.Object({
      device: addressText,
      isOnline: Type.Boolean(),
      sinceMs: Type.Integer({ description: "when it came or went, by this node's clock" }),
      via: Type.Literal("mqtt"),
    }),
  ),
});

export function addGatewayRoutes(app: FastifyInstance, service: NodeService): void {
  addOperation(
    app,
    {
      id: "listPresence",
      method: "GET",
      path: "/presence",
      tag: "devices",
      summary: "Devices connected to this node",
      description:
        "What this node sees of its own connections: no statement of the chain. Those online first, the newest change first; devices without a password are never seen.",
      params: NOTHING,
      query: object({ limit: Type.Optional(Type.Integer({ minimum: 1, maximum: ITEMS_MAX })) }),
      status: 200,
      answer: { [JSON_TYPE]: presenceView },
    },
    ({ limit = ITEMS_MAX }) => {
      const entries = service.presence();
      return { online: entries.filter(({ isOnline }) => isOnline).length, items: entries.slice(0, limit) };
    },
  );
}
