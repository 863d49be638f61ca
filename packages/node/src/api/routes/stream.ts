import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";
import { BIZ_STEPS } from "@lhg/protocol/epcis/vocabulary";
import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { readTermFilter } from "../../queries/event-search.ts";
import { addressText, statementKind } from "../../queries/views.ts";
import { addOperation, NOTHING, object } from "../operations.ts";
import type { StreamFilter, StreamHub } from "../stream-hub.ts";

const TYPES = ["block", "statement", "event"] as const;

const parameters = object({
  types: Type.Optional(
    Type.String({
      pattern: "^(block|statement|event)(,(block|statement|event))*$",
      description: "block, statement, event, or several of them with commas between; all by default",
    }),
  ),
  kind: Type.Optional(statementKind),
  vendor: Type.Optional(addressText),
  item: Type.Optional(Type.String({ minLength: 1, maxLength: 1024, description: "any URI of an item" })),
  bizStep: Type.Optional(Type.String({ minLength: 1, maxLength: 1024 })),
  after: Type.Optional(
    Type.Integer({
      minimum: 0,
      maximum: Number.MAX_SAFE_INTEGER,
      description: "begin with the block after this height; so does the Last-Event-ID header",
    }),
  ),
});

export function addStreamRoutes(app: FastifyInstance, hub: StreamHub): void {
  addOperation(
    app,
    {
      id: "streamActivity",
      method: "GET",
      path: "/stream",
      tag: "blocks",
      summary: "What happens, as server-sent events: statement, event, block, gap",
      description:
        "A block comes after its statements and events; its id is the height, from which a client resumes. `gap` tells of blocks too long ago to be told again.",
      params: NOTHING,
      query: parameters,
      status: 200,
      answer: { "text/event-stream": Type.String() },
    },
    ({ types, kind, vendor, item, bizStep, after }, request, reply) => {
      const filter: StreamFilter = {
        types: new Set(types === undefined ? TYPES : types.split(",")),
        ...(kind === undefined ? {} : { kind }),
        ...(vendor === undefined ? {} : { vendor }),
        ...(item === undefined ? {} : { item: canonicalIdentity(item, "item").key }),
        ...(bizStep === undefined ? {} : { bizStep: readTermFilter(BIZ_STEPS, bizStep, "bizStep") }),
      };
      const resumed = readLastEventId(request.headers["last-event-id"]) ?? after;
      hub.open(reply.raw, filter, resumed);
      reply.hijack();
    },
    10,
  );
}

function readLastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined || header === "") return undefined;
  if (typeof header !== "string" || !/^[0-9]{1,15}$/.test(header))
    throw new LhgError("header.malformed", "must be a block height", "last-event-id");
  return Number(header);
}
