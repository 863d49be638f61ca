/** OpenAPI 3.1 from the operations that the routes were made of. */
import type { TObject, TSchema } from "typebox";
import type { Content, Operation } from "./operations.ts";
import { PROBLEM_TYPE, problemView } from "./problems.ts";

type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json | undefined };
export interface OpenApi {
  readonly openapi: string;
  readonly info: Json;
  readonly servers: Json;
  readonly tags: Json;
  readonly paths: Record<string, Record<string, Json>>;
  readonly components: Json;
}

const TAGS = {
  statements: "What companies and devices sign: submitting it, and what became of it",
  blocks: "Blocks and what they did",
  accounts: "Balances and keys",
  vendors: "Admitted companies",
  devices: "Devices, their streams and readings",
  events: "EPCIS events",
  items: "Items: custody, containment, traces",
  chain: "Rules, validators, logs and proofs",
  node: "The node itself",
} as const;

export function describeApi(
  operations: readonly Operation[],
  { version, mount }: { readonly version: string; readonly mount: string },
): OpenApi {
  const paths: OpenApi["paths"] = {};
  for (const operation of operations) {
    const path = templateOf(operation.path);
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: describeOperation(operation) };
  }
  return {
    openapi: "3.1.1",
    info: {
      title: "LHG node API",
      version,
      description:
        "Byte strings are lower-case hex, amounts decimal strings of the smallest unit (10^-8 LHG), times milliseconds since 1970. Lists are paged by cursor. Errors are RFC 9457 problems with a stable `code`. Nothing has to be believed: answers that matter come with proofs, which the sdk verifies offline.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: mount }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths,
    components: { schemas: { Problem: plain(problemView) } },
  };
}

/** A path with its parameters as `{name}`. */
export function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}");
}

function describeOperation(operation: Operation): Json {
  const { id, tag, summary, description, params, query, body, status, answer } = operation;
  const parameters = [...describeParameters(params, "path"), ...describeParameters(query, "query")];
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(description === undefined ? {} : { description }),
    parameters,
    ...(body === undefined ? {} : { requestBody: { required: true, content: describeContent(body) } }),
    responses: {
      [status]: { description: summary, content: describeContent(answer) },
      default: {
        description: "A problem",
        content: { [PROBLEM_TYPE]: { schema: { $ref: "#/components/schemas/Problem" } } },
      },
    },
  };
}

export interface Parameter {
  readonly name: string;
  readonly in: "path" | "query";
  readonly required: boolean;
  readonly description: string;
  readonly schema: Json;
}

function describeParameters(object: TObject, place: "path" | "query"): Json[] {
  return listParameters(object, place).map((parameter) => ({ ...parameter }));
}

export function listParameters(object: TObject, place: "path" | "query"): Parameter[] {
  const required: readonly string[] = object.required ?? [];
  return Object.entries(object.properties).map(([name, schema]) => {
    const { description = "", ...rest } = plain(schema) as { description?: string };
    return {
      name,
      in: place,
      required: place === "path" || required.includes(name),
      description,
      schema: rest,
    };
  });
}

function describeContent(content: Content): Json {
  return Object.fromEntries(
    Object.entries(content).map(([mediaType, schema]) => [mediaType, { schema: plain(schema) }]),
  );
}

/** A schema without what its builder keeps beside it. */
function plain(schema: TSchema): Json {
  return JSON.parse(JSON.stringify(schema)) as Json;
}
