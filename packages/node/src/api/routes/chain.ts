import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import {
  chainView,
  consistencyView,
  groupView,
  historyEntry,
  historyProofView,
  pageOf,
  parametersView,
  partitionView,
  validatorsView,
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

const number = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });
const partition = Type.String({
  pattern: "^(base|items|(vendor|contract):[0-9a-f]{40})$",
  description: "base, items, vendor:<address> or contract:<address>",
  examples: ["items"],
});

export function addChainRoutes(app: FastifyInstance, service: NodeService): void {
  const addQuery = createAddQuery(app, service, "chain");
  addQuery({
    query: "getChain",
    path: "/chain",
    summary: "Chain id, genesis and supply",
    answer: chainView,
    toArgs: () => ({}),
  });
  addQuery({
    query: "getParameters",
    path: "/parameters",
    summary: "The parameters in force",
    answer: parametersView,
    toArgs: () => ({}),
  });
  addQuery({
    query: "getValidators",
    path: "/validators",
    summary: "Who signs the next block, and who the one after it",
    answer: validatorsView,
    toArgs: () => ({}),
  });
  addQuery({
    query: "listGroups",
    path: "/groups",
    summary: "Groups of partitions",
    parameters: paged({}),
    answer: pageOf(groupView),
    toArgs: (input) => input,
  });
  addQuery({
    query: "getGroup",
    path: "/groups/:group",
    summary: "A group",
    params: object({ group: number }),
    answer: groupView,
    toArgs: (input) => input,
  });
  addQuery({
    query: "listHistory",
    path: "/history",
    summary: "Working blocks with the app hash before each, newest first",
    parameters: paged({}),
    answer: pageOf(historyEntry),
    toArgs: (input) => input,
  });
  addQuery({
    query: "getHistoryProof",
    path: "/history/:height",
    summary: "Proves an app hash of the past under the newest anchor",
    description: "Refreshes a receipt that is older than the trust period.",
    params: object({ height: number }),
    answer: historyProofView,
    cost: 3,
    toArgs: (input) => input,
  });
  addQuery({
    query: "getPartition",
    path: "/partitions/:partition",
    summary: "What the app hash commits of a partition",
    params: object({ partition }),
    parameters: object(proofParameter),
    answer: partitionView,
    toArgs: (input) => input,
  });
  addQuery({
    query: "getConsistency",
    path: "/partitions/:partition/consistency",
    summary: "Proves that a log of a partition only grew (RFC 9162)",
    params: object({ partition }),
    parameters: object({
      log: Type.Union([Type.Literal("statements"), Type.Literal("outcomes")]),
      from: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: "size known before" }),
      to: Type.Optional(number),
    }),
    answer: consistencyView,
    toArgs: (input) => input,
  });
  addValueProof(app, service);
}

function addValueProof(app: FastifyInstance, service: NodeService): void {
  addOperation(
    app,
    {
      id: "getValueProof",
      method: "GET",
      path: "/proofs/value",
      tag: "chain",
      summary: "Proves what a key of a partition's map holds, or that it holds nothing",
      params: NOTHING,
      query: object({
        partition,
        key: Type.String({
          pattern: "^([0-9a-f]{2})+$",
          maxLength: 4096,
          description: "an encoded key in hexadecimal digits, two for a byte",
          examples: ["00"],
        }),
      }),
      status: 200,
      answer: bytesAnswer,
    },
    async (input, request, reply) => sendBytes(request, reply, await service.query("getValueProof", input)),
    2,
  );
}
