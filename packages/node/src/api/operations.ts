/** One definition of a route gives its validation, its types and its page in the API description. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Static, type TObject, type TProperties, type TSchema, Type } from "typebox";
import type { QueryArgs, QueryName, QueryResult } from "../queries/queries.ts";
import type { NodeService } from "./service.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    operation?: Operation;
    /** Tokens that a request takes of its address's bucket. */
    cost?: number;
  }
}

/** A body of an answer or request by its media type; bytes have no schema. */
export type Content = { readonly [mediaType: string]: TSchema };

export interface Operation {
  readonly id: string;
  readonly method: "GET" | "POST";
  /** Below the mount, parameters as `:name`. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly description?: string;
  readonly params: TObject;
  readonly query: TObject;
  readonly body?: Content;
  readonly status: number;
  readonly answer: Content;
}

export const BYTES = Type.Unsafe<Uint8Array>({ type: "string", format: "binary" });
export const NOTHING = object({});
export const CBOR = "application/cbor";
export const JSON_TYPE = "application/json";

/** An object that refuses what it does not know, so that a misspelt parameter is an error and not ignored. */
export function object<P extends TProperties>(properties: P) {
  return Type.Object(properties, { additionalProperties: false });
}

const pageParameters = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, description: "entries, 50 by default" })),
  cursor: Type.Optional(Type.String({ maxLength: 256, description: "`next` of the page before" })),
};

export function paged<P extends TProperties>(properties: P) {
  return object({ ...properties, ...pageParameters });
}

export const proofParameter = {
  proof: Type.Optional(
    Type.Boolean({ description: "answer from the provable state and add the proof, in hex" }),
  ),
};

type Handler<P extends TObject, Q extends TObject> = (
  input: Static<P> & Static<Q>,
  request: FastifyRequest,
  reply: FastifyReply,
) => unknown;

export function addOperation<P extends TObject, Q extends TObject>(
  app: FastifyInstance,
  operation: Omit<Operation, "params" | "query"> & { readonly params: P; readonly query: Q },
  handler: Handler<P, Q>,
  cost = 1,
): void {
  app.route({
    method: operation.method,
    url: operation.path,
    schema: { params: operation.params, querystring: operation.query },
    config: { operation, cost },
    handler: (request, reply) => {
      reply.code(operation.status);
      const input = { ...(request.params as object), ...(request.query as object) };
      return handler(input as Static<P> & Static<Q>, request, reply);
    },
  });
}

/** A route that asks one query and answers its result as JSON. */
export interface QueryRoute<K extends QueryName, P extends TObject, Q extends TObject> {
  readonly query: K;
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly params?: P;
  readonly parameters?: Q;
  readonly answer: TSchema;
  readonly cost?: number;
  readonly toArgs: (input: Static<P> & Static<Q>) => QueryArgs<K>;
}

export type AddQuery = <K extends QueryName, P extends TObject, Q extends TObject>(
  route: QueryRoute<K, P, Q>,
) => void;

export function createAddQuery(app: FastifyInstance, service: NodeService, tag: string): AddQuery {
  return ({ query, path, summary, description, params, parameters, answer, cost, toArgs }) => {
    addOperation(
      app,
      {
        id: query,
        method: "GET",
        path,
        tag,
        summary,
        ...(description === undefined ? {} : { description }),
        params: (params ?? NOTHING) as NonNullable<typeof params>,
        query: (parameters ?? NOTHING) as NonNullable<typeof parameters>,
        status: 200,
        answer: { [JSON_TYPE]: answer },
      },
      (input) => service.query(query, toArgs(input)),
      cost,
    );
  };
}

/**
 * Answers encoded bytes as they are, or in hex to who asks for JSON. Proofs stand for themselves, so the verifier page
 * may read them wherever it was loaded from.
 */
export function sendBytes(
  request: FastifyRequest,
  reply: FastifyReply,
  { height, bytes }: QueryResult<"getReceipt">,
): unknown {
  reply.header("access-control-allow-origin", "*");
  if ((request.headers.accept ?? "").includes(JSON_TYPE))
    return { height, bytes: Buffer.from(bytes).toString("hex") };
  return reply
    .type(CBOR)
    .header("lhg-height", height)
    .send(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
}

export const bytesAnswer: Content = {
  [CBOR]: BYTES,
  [JSON_TYPE]: Type.Object({ height: Type.Integer(), bytes: Type.String() }),
};
