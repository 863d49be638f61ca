/** The HTTP API: limits in front, one file of routes for each resource, problems for whatever goes wrong. */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import type { Server as TlsServer } from "node:tls";
import { LhgError } from "@lhg/protocol/core/errors";
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from "fastify";
import { type CertificateSource, TLS_MIN_VERSION } from "../tls/certificate.ts";
import { createBodyBudget } from "./body-budget.ts";
import { guardConnections } from "./connections.ts";
import { renderDocsPage } from "./docs-page.ts";
import { createHostCheck } from "./hosts.ts";
import { type ApiLimits, DEFAULT_LIMITS } from "./limits.ts";
import { describeApi } from "./openapi.ts";
import { CBOR, type Operation } from "./operations.ts";
import { addPages, type PagesConfig } from "./pages.ts";
import { makeProblem, PROBLEM_TYPE, sendProblem, toProblem } from "./problems.ts";
import { type ChargeRequest, createRateLimiter } from "./rate-limit.ts";
import { addAccountRoutes, addDeviceRoutes, addVendorRoutes } from "./routes/accounts.ts";
import { addBlockRoutes } from "./routes/blocks.ts";
import { addChainRoutes } from "./routes/chain.ts";
import { addDevelopmentRoutes, type OfferedKeys } from "./routes/development.ts";
import { addGatewayRoutes } from "./routes/gateway.ts";
import { addEventRoutes, addItemRoutes } from "./routes/items.ts";
import { addDescriptionRoutes, addNodeRoutes } from "./routes/node.ts";
import { addAttestationRoutes, addStatementRoutes } from "./routes/statements.ts";
import { addStreamRoutes } from "./routes/stream.ts";
import type { NodeService } from "./service.ts";
import { createStreamHub, type StreamHub } from "./stream-hub.ts";
import { COSE } from "./submissions.ts";

const API_MOUNT = "/api/v1";

/** For requests that run while the node stops. */
const STOP_TIMEOUT_MS = 5_000;

/** What is logged of requests that fail on our side. */
export interface ApiLogger {
  error(fields: object, message: string): void;
}

export interface ApiConfig {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly publicUrl: string | undefined;
}

export interface ApiParts {
  readonly service: NodeService;
  readonly config: ApiConfig;
  readonly logger: ApiLogger;
  readonly limits?: Partial<ApiLimits>;
  readonly version?: string;
  readonly pages?: PagesConfig;
  /** Given to programs on this machine; only a development chain has any. */
  readonly developmentKeys?: OfferedKeys;
  /** The API speaks HTTPS with these, and takes a renewed one over without a restart. */
  readonly certificates?: CertificateSource;
}

export interface Api {
  /** Listens; resolves to the URL of the server, without the mount. */
  start(): Promise<string>;
  /** Ends streams and idle connections, lets running requests finish, closes. Idempotent. */
  stop(): Promise<void>;
  /** For what stands beside the API on the same server, before `start`. */
  readonly app: FastifyInstance;
}

export function createApi(parts: ApiParts): Api {
  const {
    service,
    config,
    logger,
    limits: given,
    version = "",
    pages,
    developmentKeys,
    certificates,
  } = parts;
  const limits: ApiLimits = { ...DEFAULT_LIMITS, ...given };
  const app = createServer(limits, certificates);
  const connections = guardConnections(app.server, limits.connectionsMax);
  const logError = (error: unknown, requestId: string): void =>
    logger.error(
      { requestId, error: error instanceof Error ? error.stack : String(error) },
      "a request failed",
    );
  addErrorHandlers(app, limits, logError);
  const charge = addChecks(app, config, limits);
  const bodies = createBodyBudget(limits.bodiesBytesMax);
  app.addHook("preParsing", async (_request, _reply, payload) => {
    const meter = bodies.meter();
    payload.once("error", (error) => meter.destroy(error));
    payload.once("close", () => {
      if (!payload.readableEnded) meter.destroy();
    });
    return payload.pipe(meter);
  });
  const hub = createStreamHub(
    service,
    {
      clientsMax: limits.streamClientsMax,
      bufferBytesMax: limits.streamBufferBytesMax,
      heartbeatMs: limits.streamHeartbeatMs,
    },
    (error) => logError(error, "stream"),
  );
  let isStopping = false;
  app.addHook("onRequest", async (_request, reply) => {
    if (!isStopping) return;
    reply.header("connection", "close");
    throw new LhgError("node.stopping", "the node stops");
  });
  const operations: Operation[] = [];
  app.addHook("onRoute", ({ config: route }) => {
    if (route?.operation !== undefined) operations.push(route.operation);
  });
  refuseMethods(app, operations);
  const home = (pages === undefined ? undefined : addPages(app, pages)) ?? `${API_MOUNT}/docs`;
  app.get("/", async (_request, reply) => reply.redirect(home, 302));
  app.register(
    async (mounted) => {
      addRoutes(mounted, service, hub, limits, operations, version, charge);
      if (developmentKeys !== undefined) addDevelopmentRoutes(mounted, developmentKeys);
    },
    { prefix: API_MOUNT },
  );
  return {
    app,
    start: () => app.listen({ host: config.host, port: config.port }),
    stop: async () => {
      isStopping = true;
      hub.stop();
      const closed = app.close();
      connections.closeIdle();
      const overdue = setTimeout(() => app.server.closeAllConnections(), STOP_TIMEOUT_MS);
      await closed;
      clearTimeout(overdue);
    },
  };
}

const TLS_HANDSHAKE_TIMEOUT_MS = 10_000;

function createServer(limits: ApiLimits, certificates: CertificateSource | undefined): FastifyInstance {
  const http = {
    maxHeaderSize: limits.headerSizeBytesMax,
    headersTimeout: limits.headersTimeoutMs,
    connectionsCheckingInterval: Math.max(100, Math.min(2_000, limits.headersTimeoutMs)),
  };
  const https = { ...http, minVersion: TLS_MIN_VERSION, handshakeTimeout: TLS_HANDSHAKE_TIMEOUT_MS } as const;
  const app = fastify({
    logger: false,
    genReqId: () => randomUUID(),
    bodyLimit: limits.bodySizeBytesMax,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    maxRequestsPerSocket: limits.requestsPerSocketMax,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    exposeHeadRoutes: false,
    // As a plain object: the types of fastify tell servers of HTTP and HTTPS apart, nothing here does.
    ...(certificates === undefined ? { http } : ({ https: { ...https, ...certificates.current } } as object)),
    routerOptions: { maxParamLength: limits.urlSizeBytesMax },
    ajv: {
      customOptions: {
        removeAdditional: false,
        coerceTypes: true,
        useDefaults: false,
        allErrors: false,
        // Errors carry their schema, whose description says what a pattern stands for.
        verbose: true,
      },
    },
    frameworkErrors: (error, _request, reply) => {
      const problem = toProblem(error, limits) ?? makeProblem("url.malformed", "is no URL");
      sendProblem(reply as FastifyReply, problem);
    },
    clientErrorHandler: answerBrokenRequest,
  });
  certificates?.onChange((certificate) => {
    (app.server as unknown as TlsServer).setSecureContext({ ...certificate, minVersion: TLS_MIN_VERSION });
  });
  app.removeAllContentTypeParsers();
  for (const mediaType of [COSE, CBOR])
    app.addContentTypeParser(mediaType, { parseAs: "buffer" }, (_request, body, done) => done(null, body));
  app.setSerializerCompiler(() => JSON.stringify);
  return app;
}

/** What is no HTTP gets one short answer and is cut. */
function answerBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  const isTls = error.code?.startsWith("ERR_SSL_") === true || error.code === "ERR_TLS_HANDSHAKE_TIMEOUT";
  if (isTls || error.code === "ECONNRESET" || !socket.writable) {
    socket.destroy();
    return;
  }
  const problem =
    error.code === "ERR_HTTP_REQUEST_TIMEOUT"
      ? makeProblem("request.timeout", "did not arrive in time")
      : error.code === "HPE_HEADER_OVERFLOW"
        ? makeProblem("header.too-large", "is too large", "", 431)
        : makeProblem("request.malformed", "is no HTTP request");
  const body = JSON.stringify(problem);
  socket.end(
    `HTTP/1.1 ${problem.status} ${problem.title}\r\ncontent-type: ${PROBLEM_TYPE}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
  socket.destroySoon();
}

function addErrorHandlers(
  app: FastifyInstance,
  limits: ApiLimits,
  logError: (error: unknown, requestId: string) => void,
): void {
  app.setErrorHandler((error, request, reply) => {
    const problem = toProblem(error, limits);
    if (problem !== undefined) {
      if (problem.status === 503 || problem.code === "proof.not-yet") reply.header("retry-after", 1);
      return sendProblem(reply, problem);
    }
    logError(error, request.id);
    const hidden = makeProblem("internal", "the node failed to answer; its log says why");
    return sendProblem(reply, { ...hidden, requestId: request.id });
  });
  app.setNotFoundHandler((_request, reply) =>
    sendProblem(reply, makeProblem("route.not-found", `nothing is here; see ${API_MOUNT}/docs`)),
  );
}

function addChecks(app: FastifyInstance, config: ApiConfig, limits: ApiLimits): ChargeRequest {
  const isAllowedHost = createHostCheck(config.host, config.publicUrl);
  const limiter = createRateLimiter(limits.requestsPerSecond, limits.requestsBurst);
  app.addHook("onRequest", async (request: FastifyRequest, reply: FastifyReply) => {
    reply.header("x-content-type-options", "nosniff").header("cache-control", "no-store");
    if (!isAllowedHost(request.headers.host ?? ""))
      return sendProblem(reply, makeProblem("host.not-allowed", "is not a name of this node", "host"));
    if (request.url.length > limits.urlSizeBytesMax)
      return sendProblem(
        reply,
        makeProblem("url.too-long", `must be at most ${limits.urlSizeBytesMax} bytes`),
      );
    const waitSeconds = limiter.take(request.ip, request.routeOptions.config.cost ?? 1, performance.now());
    if (waitSeconds === undefined) return undefined;
    reply.header("retry-after", waitSeconds);
    return sendProblem(reply, makeProblem("rate.limited", `too many requests; wait ${waitSeconds} s`));
  });
  return (request, cost) => {
    const waitSeconds = limiter.take(request.ip, cost, performance.now());
    if (waitSeconds !== undefined)
      throw new LhgError("rate.limited", `too many statements; wait ${waitSeconds} s`);
  };
}

/** A path that exists, asked with a method it does not have. */
function refuseMethods(app: FastifyInstance, operations: readonly Operation[]): void {
  app.addHook("onRequest", async (request: FastifyRequest, reply: FastifyReply) => {
    if (!request.is404 || !request.url.startsWith(`${API_MOUNT}/`)) return undefined;
    const path = request.url.slice(API_MOUNT.length).split("?", 1)[0]!;
    const allowed = operations.filter((operation) => isPathOf(operation, path)).map(({ method }) => method);
    if (allowed.length === 0) return undefined;
    const methods = [...new Set(allowed)].join(", ");
    reply.header("allow", methods);
    return sendProblem(reply, makeProblem("method.not-allowed", `must be ${methods} here`));
  });
}

function isPathOf(operation: Operation, path: string): boolean {
  const names = operation.path.split("/");
  const parts = path.split("/");
  return (
    names.length === parts.length &&
    names.every((name, i) => (name.startsWith(":") ? parts[i] !== "" : name === parts[i]))
  );
}

function addRoutes(
  app: FastifyInstance,
  service: NodeService,
  hub: StreamHub,
  limits: ApiLimits,
  operations: readonly Operation[],
  version: string,
  charge: ChargeRequest,
): void {
  addStatementRoutes(app, service, limits.batchStatementsMax, charge);
  addAttestationRoutes(app, service);
  addBlockRoutes(app, service);
  addStreamRoutes(app, hub);
  addAccountRoutes(app, service);
  addVendorRoutes(app, service);
  addDeviceRoutes(app, service);
  addGatewayRoutes(app, service);
  addEventRoutes(app, service);
  addItemRoutes(app, service);
  addChainRoutes(app, service);
  addNodeRoutes(app, service);
  const about = { version, mount: API_MOUNT };
  addDescriptionRoutes(
    app,
    () => describeApi(operations, about),
    () => renderDocsPage(operations, about),
  );
}
