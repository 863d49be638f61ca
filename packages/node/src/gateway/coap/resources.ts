/** What a CoAP request asks for, and what it is answered. Knows no sockets. */
import { encodeUtf8, fromHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { wrapStatement } from "@lhg/protocol/core/statement/submission";
import type { NodeService, StatementState, SubmitResult } from "../../api/service.ts";
import type { CommandSource } from "../command-source.ts";
import { CODES, type CoapMessage, type CoapOption, OPTIONS, readUint, uintOption } from "./message.ts";

export interface Resources {
  readonly service: Pick<NodeService, "statementState">;
  /** Takes an encoded submission. */
  readonly submit: (submission: Uint8Array) => Promise<SubmitResult>;
  readonly commands?: CommandSource;
}

export interface Answer {
  readonly code: number;
  readonly options?: readonly CoapOption[];
  /** What to say, the fullest form first: the first that may be sent is. Content is sent in blocks instead. */
  readonly payloads?: readonly Uint8Array[];
  /** The statement whose state this is, where it may still change. */
  readonly observable?: string;
}

/** Content-Formats (RFC 7252, 12.3): application/link-format, cose-sign1, json, cbor. */
const LINKS = 40;
const COSE_SIGN1 = 18;
const JSON_FORMAT = 50;
const CBOR = 60;

/** Seconds after which a busy node may be asked again. */
const RETRY_S = 5;
const DISCOVERY = encodeUtf8('</v1/up>;ct="18 60",</v1/statements>;obs,</v1/devices>');

const STATEMENT = /^v1\/statements\/([0-9a-f]{64})$/;
const COMMANDS = /^v1\/devices\/([0-9a-f]{40})\/commands$/;

const AFTER = "after=";

export const UP_PATH = "v1/up";

/** The path as text; segments are UTF-8 and none here needs a character that could be mistaken for the slash between them. */
export function readPath({ options }: Pick<CoapMessage, "options">): string {
  const decoder = new TextDecoder();
  return options
    .filter(({ number }) => number === OPTIONS.uriPath)
    .map(({ value }) => decoder.decode(value))
    .join("/");
}

/** `request` holds its whole body. Rejects only where this program fails. */
export async function answerRequest(resources: Resources, request: CoapMessage): Promise<Answer> {
  try {
    return await route(resources, request);
  } catch (error) {
    if (!(error instanceof LhgError)) throw error;
    return answerError(error);
  }
}

export function answerError({ code, field, message }: LhgError): Answer {
  const said = explain({ code, field, message });
  if (code === "coap.option") return { code: CODES.badOption, ...said };
  if (code === "coap.incomplete") return { code: CODES.incomplete, ...said };
  if (code === "coap.query") return { code: CODES.badRequest, ...said };
  if (code === "coap.too-large") return { code: CODES.tooLarge, ...said };
  if (code.endsWith(".not-found")) return { code: CODES.notFound, ...said };
  return {
    code: CODES.unavailable,
    ...explain({ code, field, message }, [uintOption(OPTIONS.maxAge, RETRY_S)]),
  };
}

async function route(resources: Resources, request: CoapMessage): Promise<Answer> {
  checkOptions(request);
  const path = readPath(request);
  if (path === UP_PATH) return request.code === CODES.post ? submit(resources, request) : NOT_ALLOWED;
  const statement = STATEMENT.exec(path)?.[1];
  const device = COMMANDS.exec(path)?.[1];
  if (statement === undefined && device === undefined && path !== ".well-known/core")
    return { code: CODES.notFound };
  if (request.code !== CODES.get) return NOT_ALLOWED;
  if (statement !== undefined)
    return answerState(statement, await resources.service.statementState(statement));
  if (device !== undefined) return answerCommand(resources.commands, device, readAfter(request));
  return content(LINKS, DISCOVERY);
}

const NOT_ALLOWED: Answer = { code: CODES.notAllowed };

const UNDERSTOOD: ReadonlySet<number> = new Set<number>([
  OPTIONS.uriHost,
  OPTIONS.uriPort,
  OPTIONS.uriPath,
  OPTIONS.uriQuery,
  OPTIONS.accept,
  OPTIONS.block1,
  OPTIONS.block2,
]);

/** An option with an odd number must be understood (RFC 7252, section 5.4.1). */
function checkOptions({ options }: CoapMessage): void {
  const strange = options.find(({ number }) => number % 2 === 1 && !UNDERSTOOD.has(number));
  if (strange !== undefined)
    throw new LhgError("coap.option", "is critical and not understood", `option ${strange.number}`);
}

async function submit(resources: Resources, request: CoapMessage): Promise<Answer> {
  const accept = readUint(request, OPTIONS.accept);
  if (accept !== undefined && accept !== JSON_FORMAT) return { code: CODES.notAcceptable };
  const format = readUint(request, OPTIONS.contentFormat);
  if (format !== COSE_SIGN1 && format !== CBOR) return { code: CODES.unsupportedFormat };
  if (request.payload.length === 0)
    return {
      code: CODES.badRequest,
      ...explain({ code: "body.empty", field: "body", message: "must be a statement" }),
    };
  const body = new Uint8Array(request.payload);
  const result = await resources.submit(format === CBOR ? body : wrapStatement(body));
  return answerResult(result);
}

function answerResult(result: SubmitResult): Answer {
  if (result.state === "accepted") return { code: CODES.changed, ...json([result, { state: result.state }]) };
  const { message: _, ...brief } = result;
  const code = result.state === "refused" ? CODES.unprocessable : CODES.conflict;
  return { code, ...json([result, brief, { state: result.state, code: result.code }]) };
}

/** What is said of a statement, to who asks and to who observes it. */
export function answerState(id: string, state: StatementState): Answer {
  const isFinal = state.state === "provable" || state.state === "refused";
  return {
    code: CODES.content,
    ...json([{ id, ...state }, state, { state: state.state }]),
    ...(isFinal ? {} : { observable: id }),
  };
}

/** Other queries are padding that pays for longer answers, and are not read. Throws `coap.query`. */
function readAfter({ options }: Pick<CoapMessage, "options">): number {
  const decoder = new TextDecoder();
  const asked = options
    .filter(({ number }) => number === OPTIONS.uriQuery)
    .map(({ value }) => decoder.decode(value))
    .filter((query) => query.startsWith(AFTER));
  const [text = `${AFTER}0`] = asked;
  const digits = text.slice(AFTER.length);
  if (asked.length > 1 || !/^\d{1,15}$/.test(digits))
    throw new LhgError("coap.query", "must be the number of a command, once", "after");
  return Number(digits);
}

/** The oldest pending command with a number above `after`. */
async function answerCommand(
  commands: CommandSource | undefined,
  device: string,
  after: number,
): Promise<Answer> {
  const first = (await commands?.listPending(device))?.find(({ number }) => number > after);
  if (commands === undefined || first === undefined) return { code: CODES.notFound };
  const { options, ...answer } = content(CBOR, await commands.getReceipt(first.id));
  const etag = { number: OPTIONS.etag, value: fromHex(first.id, "id").subarray(0, 4) };
  return { ...answer, options: [...options, etag] };
}

function content(format: number, payload: Uint8Array) {
  return {
    code: CODES.content,
    options: [uintOption(OPTIONS.contentFormat, format)],
    payloads: [payload],
  };
}

function explain(problem: { code: string; field: string; message: string }, options: CoapOption[] = []) {
  const { payloads, options: own } = json([problem, { code: problem.code }]);
  return { payloads, options: [...own, ...options] };
}

function json(values: readonly object[]) {
  return {
    options: [uintOption(OPTIONS.contentFormat, JSON_FORMAT)],
    payloads: values.map((value) => encodeUtf8(JSON.stringify(value))),
  };
}
