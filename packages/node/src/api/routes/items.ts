import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import {
  addressText,
  eventActionName,
  eventIdText,
  eventSummary,
  eventTypeName,
  eventView,
  itemChild,
  itemEvent,
  itemView,
  pageOf,
  traceView,
} from "../../queries/views.ts";
import {
  addOperation,
  bytesAnswer,
  createAddQuery,
  NOTHING,
  object,
  paged,
  proofParameter,
  sendBytes,
} from "../operations.ts";
import type { NodeService } from "../service.ts";

const uri = (description: string) => Type.String({ minLength: 1, maxLength: 2100, description });
const itemId = Type.String({
  minLength: 1,
  maxLength: 1024,
  description: "any URI of the item: EPC URN, Digital Link on any domain, CURIE, other URI",
  examples: ["urn:epc:id:sgtin:4012345.000000.1"],
});
const claimedTime = (description: string) =>
  Type.Optional(Type.Integer({ minimum: -62_135_596_800_000, maximum: 253_402_300_799_999, description }));

export function addEventRoutes(app: FastifyInstance, service: NodeService): void {
  const addQuery = createAddQuery(app, service, "events");
  addQuery({
    query: "listEvents",
    path: "/events",
    summary: "Events that fit all filters, newest claimed time first",
    description: "A page may be short and still have a `next` one. Words of the CBV may be bare: `shipping`.",
    parameters: paged({
      item: Type.Optional(itemId),
      bizStep: Type.Optional(uri("CBV word or URI")),
      disposition: Type.Optional(uri("CBV word or URI")),
      readPoint: Type.Optional(uri("any URI of the place")),
      bizLocation: Type.Optional(uri("any URI of the place")),
      transformationId: Type.Optional(uri("any URI")),
      vendor: Type.Optional(addressText),
      type: Type.Optional(eventTypeName),
      action: Type.Optional(eventActionName),
      fromMs: claimedTime("claimed event time, inclusive"),
      untilMs: claimedTime("claimed event time, inclusive"),
      alias: Type.Optional(uri("eventID or event hash id; goes with no other filter")),
    }),
    answer: pageOf(eventSummary),
    cost: 3,
    toArgs: (input) => input,
  });
  addQuery({
    query: "getEvent",
    path: "/events/:id",
    summary: "An event with its own bytes",
    params: object({ id: eventIdText }),
    parameters: object(proofParameter),
    answer: eventView,
    toArgs: (input) => input,
  });
  addOperation(
    app,
    {
      id: "getEventReceipt",
      method: "GET",
      path: "/events/:id/receipt",
      tag: "events",
      summary: "The receipt of an event's capture with this event opened",
      params: object({ id: eventIdText }),
      query: NOTHING,
      status: 200,
      answer: bytesAnswer,
    },
    async ({ id }, request, reply) => {
      const [capture, index] = id.split(":") as [string, string];
      const receipt = await service.query("getReceipt", { id: capture, event: Number(index) });
      return sendBytes(request, reply, receipt);
    },
    3,
  );
}

const traceParameters = object({
  id: itemId,
  direction: Type.Optional(
    Type.Union([Type.Literal("back"), Type.Literal("forward"), Type.Literal("both")], {
      description: "where it comes from, what became of it, or both (default)",
    }),
  ),
  maxDepth: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000 })),
  fromMs: claimedTime("events before are neither shown nor followed"),
  untilMs: claimedTime("events after are neither shown nor followed"),
  maxEvents: Type.Optional(Type.Integer({ minimum: 1, maximum: 5_000, description: "1,000 by default" })),
  observations: Type.Optional(
    Type.Union([Type.Literal("ignore"), Type.Literal("show"), Type.Literal("follow")], {
      description: "what others than the custodian say of an item; shown by default",
    }),
  ),
  includeClasses: Type.Optional(
    Type.Boolean({ description: "backward also to events of the class as a whole" }),
  ),
});

const TRACE_COST = 20;

export function addItemRoutes(app: FastifyInstance, service: NodeService): void {
  const addQuery = createAddQuery(app, service, "items");
  addQuery({
    query: "getItem",
    path: "/items",
    summary: "An item: custody, containment, quantities",
    parameters: object({ id: itemId, ...proofParameter }),
    answer: itemView,
    toArgs: (input) => input,
  });
  const relation = Type.Union([Type.Literal("aggregation"), Type.Literal("association")]);
  addQuery({
    query: "listItemChildren",
    path: "/items/children",
    summary: "What stands in an item now",
    parameters: paged({ id: itemId, relation: Type.Optional(relation) }),
    answer: pageOf(itemChild),
    toArgs: (input) => input,
  });
  addQuery({
    query: "listItemEvents",
    path: "/items/events",
    summary: "The events of an item as its log has them, newest first",
    parameters: paged({
      id: itemId,
      log: Type.Optional(Type.Union([Type.Literal("custody"), Type.Literal("observations")])),
    }),
    answer: pageOf(itemEvent),
    cost: 2,
    toArgs: (input) => input,
  });
  addQuery({
    query: "getTrace",
    path: "/items/trace",
    summary: "Where an item comes from and what became of it",
    parameters: traceParameters,
    answer: traceView,
    cost: TRACE_COST,
    toArgs: (input) => input,
  });
  addOperation(
    app,
    {
      id: "getTraceBundle",
      method: "GET",
      path: "/items/trace/bundle",
      tag: "items",
      summary: "The same trace with all that checks it offline, completeness included",
      params: NOTHING,
      query: traceParameters,
      status: 200,
      answer: bytesAnswer,
    },
    async (input, request, reply) => sendBytes(request, reply, await service.query("getTraceBundle", input)),
    2 * TRACE_COST,
  );
}
