/** Errors as RFC 9457 problems: a stable code, the field, a sentence, and the HTTP status that goes with the code. */
import { STATUS_CODES } from "node:http";
import { LhgError } from "@lhg/protocol/core/errors";
import type { FastifyReply } from "fastify";
import { Type } from "typebox";
import type { ApiLimits } from "./limits.ts";

/** HTTP status by code; what is not here goes by the endings below, and else is a bad request. */
const STATUS_BY_CODE: ReadonlyMap<string, number> = new Map([
  ["body.busy", 503],
  ["body.too-large", 413],
  ["content-type.unsupported", 415],
  ["development.elsewhere", 403],
  ["header.malformed", 400],
  ["host.not-allowed", 421],
  ["internal", 500],
  ["mempool.full", 503],
  ["method.not-allowed", 405],
  ["node.busy", 503],
  ["node.stopping", 503],
  ["proof.not-yet", 409],
  ["rate.limited", 429],
  ["request.timeout", 408],
  ["route.not-found", 404],
  ["stream.full", 503],
  ["trace.body-pruned", 410],
  ["trace.log-too-long", 422],
  ["url.too-long", 414],
]);
const STATUS_BY_ENDING: readonly (readonly [ending: string, status: number])[] = [
  [".not-found", 404],
  [".pruned", 410],
];
const STATUS_BY_AREA: ReadonlyMap<string, number> = new Map([
  ["inbox", 503],
  ["store", 503],
]);

function statusOf(code: string): number {
  const known = STATUS_BY_CODE.get(code) ?? STATUS_BY_AREA.get(code.split(".", 1)[0]!);
  return known ?? STATUS_BY_ENDING.find(([ending]) => code.endsWith(ending))?.[1] ?? 400;
}

export const PROBLEM_TYPE = "application/problem+json";

export const problemView = Type.Object(
  {
    type: Type.String({ description: "urn:lhg:problem:<code>" }),
    title: Type.String(),
    status: Type.Integer(),
    detail: Type.String(),
    code: Type.String({ description: "stable; programs decide by it" }),
    field: Type.Optional(Type.String({ description: "path of the offending value" })),
    requestId: Type.Optional(Type.String({ description: "what the node's log calls this request" })),
  },
  { description: "RFC 9457 problem details" },
);

export interface Problem {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly code: string;
  readonly field?: string;
  readonly requestId?: string;
}

export function makeProblem(code: string, detail: string, field = "", status = statusOf(code)): Problem {
  return {
    type: `urn:lhg:problem:${code}`,
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail,
    code,
    ...(field === "" ? {} : { field }),
  };
}

/** As bytes, to which nothing adds a charset: RFC 9457 defines none for the media type. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .header("content-type", PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify(problem)));
}

/** What an error of fastify or of its validator says, in our codes. */
interface HttpError {
  readonly code?: string;
  readonly statusCode?: number;
  readonly message?: string;
  readonly validation?: readonly ValidationIssue[];
  readonly validationContext?: string;
}
interface ValidationIssue {
  readonly keyword: string;
  readonly instancePath: string;
  /** The schema that refused, which the validator adds where it is `verbose`. */
  readonly parentSchema?: { readonly description?: string };
  readonly message?: string;
  readonly params: Readonly<Record<string, unknown>>;
}

const CODES_OF_FASTIFY: ReadonlyMap<string, string> = new Map([
  ["FST_ERR_CTP_BODY_TOO_LARGE", "body.too-large"],
  ["FST_ERR_CTP_INVALID_MEDIA_TYPE", "content-type.unsupported"],
  ["FST_ERR_CTP_EMPTY_TYPE", "content-type.unsupported"],
  ["FST_ERR_CTP_INVALID_CONTENT_LENGTH", "header.malformed"],
  ["FST_ERR_BAD_URL", "url.malformed"],
  ["FST_ERR_MAX_PARAM_LENGTH", "url.too-long"],
]);

/** The problem of an error, or undefined where nobody outside should read it. */
export function toProblem(
  error: unknown,
  { bodySizeBytesMax }: Pick<ApiLimits, "bodySizeBytesMax">,
): Problem | undefined {
  if (error instanceof LhgError) {
    // Failures behind a thread boundary come as this code, with a stack in their message.
    if (error.code === "internal") return undefined;
    return makeProblem(error.code, withoutField(error.message, error.field), error.field);
  }
  const { code = "", validation, message = "", statusCode } = error as HttpError;
  if (validation !== undefined) return toValidationProblem(validation);
  const ours = CODES_OF_FASTIFY.get(code);
  if (ours === "body.too-large")
    return makeProblem(ours, `must be at most ${bodySizeBytesMax} bytes`, "body");
  if (ours !== undefined) return makeProblem(ours, message);
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500)
    return makeProblem("request.invalid", message, "", statusCode);
  return undefined;
}

function withoutField(message: string, field: string): string {
  return field !== "" && message.startsWith(`${field}: `) ? message.slice(field.length + 2) : message;
}

function toValidationProblem(issues: readonly ValidationIssue[]): Problem {
  const [issue] = issues;
  if (issue === undefined) return makeProblem("request.invalid", "is invalid");
  const { additionalProperty, missingProperty } = issue.params;
  const path = issue.instancePath.slice(1).replaceAll("/", ".");
  const field = String(additionalProperty ?? missingProperty ?? path).slice(0, 200);
  return makeProblem("request.invalid", describeIssue(issue, issues), field);
}

function describeIssue(issue: ValidationIssue, issues: readonly ValidationIssue[]): string {
  const { keyword, params, parentSchema, message = "is invalid" } = issue;
  if (params.additionalProperty !== undefined) return "is no parameter here";
  if (params.missingProperty !== undefined) return "is required";
  if (keyword === "pattern") return `must be ${parentSchema?.description ?? "of another form"}`;
  if (keyword !== "const") return message;
  // A union of literals reports each of them.
  const choices = issues.filter((each) => each.keyword === "const").map((each) => each.params.allowedValue);
  return `must be one of ${choices.join(", ")}`;
}
