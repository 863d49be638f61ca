import { LhgError } from "@lhg/protocol/core/errors";
import type { FastifyInstance, FastifyReply } from "fastify";
import { Type } from "typebox";
import {
  addressText,
  attestationsView,
  digestText,
  pageOf,
  statementKind,
  statementSummary,
  statementView,
} from "../../queries/views.ts";
import {
  addOperation,
  BYTES,
  bytesAnswer,
  CBOR,
  createAddQuery,
  JSON_TYPE,
  NOTHING,
  object,
  paged,
  proofParameter,
  sendBytes,
} from "../operations.ts";
import { makeProblem, sendProblem } from "../problems.ts";
import type { ChargeRequest } from "../rate-limit.ts";
import type { NodeService, SubmitResult } from "../service.ts";
import { COSE, readSubmissions } from "../submissions.ts";

const submitResult = Type.Object({
  id: Type.String(),
  state: Type.Union([Type.Literal("accepted"), Type.Literal("refused"), Type.Literal("not-yet")]),
  code: Type.Optional(Type.String()),
  field: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
});
const stateView = Type.Object({
  id: digestText,
  state: Type.Union(
    ["unknown", "pending", "committed", "provable", "refused"].map((state) => Type.Literal(state)),
  ),
  height: Type.Optional(Type.Integer()),
  status: Type.Optional(Type.String()),
  code: Type.Optional(Type.String()),
  field: Type.Optional(Type.String()),
  message: Type.Optional(Type.String()),
  waitingFor: Type.Optional(
    Type.Object(
      { code: Type.String(), field: Type.String(), message: Type.String() },
      { description: "why a pending statement is in no block yet" },
    ),
  ),
});
const byId = object({ id: digestText });

export function addStatementRoutes(
  app: FastifyInstance,
  service: NodeService,
  batchStatementsMax: number,
  charge: ChargeRequest,
): void {
  addSubmit(app, service, batchStatementsMax, charge);
  const addQuery = createAddQuery(app, service, "statements");
  addQuery({
    query: "listStatements",
    path: "/statements",
    summary: "Statements, newest first",
    parameters: paged({
      account: Type.Optional(addressText),
      kind: Type.Optional(statementKind),
      height: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
    }),
    answer: pageOf(statementSummary),
    cost: 2,
    toArgs: (input) => input,
  });
  addQuery({
    query: "getStatement",
    path: "/statements/:id",
    summary: "An executed statement and what became of it",
    params: byId,
    parameters: object(proofParameter),
    answer: statementView,
    toArgs: (input) => input,
  });
  addStatementFiles(app, service);
}

function addSubmit(
  app: FastifyInstance,
  service: NodeService,
  batchStatementsMax: number,
  charge: ChargeRequest,
): void {
  addOperation(
    app,
    {
      id: "submitStatements",
      method: "POST",
      path: "/statements",
      tag: "statements",
      summary: "Submits one statement or many",
      description: `One COSE_Sign1 as ${COSE}; one submission record [statement, slices or null], or an array of them, as ${CBOR}. 202 means durable: written and fsynced. One statement that is refused is a problem; of many, each has its own result.`,
      params: NOTHING,
      query: NOTHING,
      body: { [COSE]: BYTES, [CBOR]: BYTES },
      status: 202,
      answer: {
        [JSON_TYPE]: Type.Union([submitResult, Type.Object({ results: Type.Array(submitResult) })]),
      },
    },
    async (_input, request, reply) => {
      const contentType = request.headers["content-type"] ?? "";
      const body = request.body as Buffer | undefined;
      const { submissions, isBatch } = readSubmissions(contentType, body, batchStatementsMax);
      // The request itself has paid for the first.
      if (submissions.length > 1) charge(request, submissions.length - 1);
      const results = await service.submit(submissions);
      return isBatch ? { results } : sendResult(reply, results[0]!);
    },
  );
}

/** A statement by itself that is not taken is a problem of its own: 422 never, 409 perhaps later. */
function sendResult(reply: FastifyReply, result: SubmitResult): unknown {
  if (result.state === "accepted") return result;
  const { id, state, code, field, message } = result;
  const status = state === "refused" ? 422 : 409;
  const problem = { ...makeProblem(code, message, field, status), id, state };
  return sendProblem(reply, problem);
}

/** Data that stays where it is: whose hash of it stands on the chain, and since when. */
export function addAttestationRoutes(app: FastifyInstance, service: NodeService): void {
  createAddQuery(
    app,
    service,
    "statements",
  )({
    query: "listAttestations",
    path: "/attestations/:digest",
    summary: "Who registered the SHA-256 of some data, first ones first",
    params: object({ digest: digestText }),
    description: "With `proof`: one of the number of owners, and one of each; at most 20 on a page.",
    parameters: paged(proofParameter),
    answer: attestationsView,
    cost: 3,
    toArgs: (input) => input,
  });
}

function addStatementFiles(app: FastifyInstance, service: NodeService): void {
  const common = { method: "GET", tag: "statements", params: byId, status: 200 } as const;
  addOperation(
    app,
    {
      ...common,
      id: "getStatementState",
      path: "/statements/:id/state",
      summary: "Where a submitted statement stands",
      description: "Committed and provable are two things: a proof waits for the next block.",
      query: NOTHING,
      answer: { [JSON_TYPE]: stateView },
    },
    async ({ id }) => ({ id, ...(await service.statementState(id)) }),
  );
  addOperation(
    app,
    {
      ...common,
      id: "getReceipt",
      path: "/statements/:id/receipt",
      summary: "The receipt of a statement, checkable offline",
      description:
        "`event` opens one event of a capture. 409 `proof.not-yet` until a certified header proves it.",
      query: object({ event: Type.Optional(Type.Integer({ minimum: 0, maximum: 100_000 })) }),
      answer: bytesAnswer,
    },
    async (input, request, reply) => sendBytes(request, reply, await service.query("getReceipt", input)),
    3,
  );
  addOperation(
    app,
    {
      ...common,
      id: "getDocument",
      path: "/statements/:id/document",
      summary: "The document of a capture, byte for byte",
      query: NOTHING,
      answer: { "application/ld+json": BYTES },
    },
    async ({ id }, _request, reply) => {
      const { contentType, bytes } = await service.query("getDocument", { id });
      if (!/^[a-z]+\/[a-z+.-]+$/.test(contentType))
        throw new LhgError("document.not-found", "has no type", "id");
      return reply
        .type(contentType)
        .header("content-disposition", `attachment; filename="${id}.json"`)
        .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    },
    3,
  );
}
