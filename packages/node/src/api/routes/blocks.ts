import type { FastifyInstance } from "fastify";
import { Type } from "typebox";
import { activityView, blockSummary, blockView, pageOf } from "../../queries/views.ts";
import { createAddQuery, object, paged, proofParameter } from "../operations.ts";
import type { NodeService } from "../service.ts";

const height = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export function addBlockRoutes(app: FastifyInstance, service: NodeService): void {
  const addQuery = createAddQuery(app, service, "blocks");
  addQuery({
    query: "listBlocks",
    path: "/blocks",
    summary: "Blocks, newest first",
    parameters: paged({}),
    answer: pageOf(blockSummary),
    toArgs: (input) => input,
  });
  addQuery({
    query: "getBlock",
    path: "/blocks/:block",
    summary: "A block by height or hash",
    description: "The proof of a block is its certified header.",
    params: object({
      block: Type.String({
        pattern: "^([0-9]{1,15}|[0-9a-f]{64})$",
        description: "a height, or a hash of 64 hexadecimal digits",
        examples: ["1"],
      }),
    }),
    parameters: object(proofParameter),
    answer: blockView,
    toArgs: ({ block, proof = false }) =>
      block.length === 64 ? { hash: block, proof } : { height: Number(block), proof },
  });
  addQuery({
    query: "getActivity",
    path: "/blocks/:height/activity",
    summary: "What a block did: its statements and events, as the stream tells them",
    params: object({ height }),
    answer: activityView,
    cost: 5,
    toArgs: (input) => input,
  });
}
