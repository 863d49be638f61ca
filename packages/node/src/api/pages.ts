/** What browsers load: console, verifier page, documentation, and the way from a scanned code to an item's page. */
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import fastifyStatic from "@fastify/static";
import { LhgError } from "@lhg/protocol/core/errors";
import { canonicalIdentity } from "@lhg/protocol/epcis/identity";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { makeProblem, sendProblem } from "./problems.ts";

/** Folders of built pages; what was not built is not served. */
export interface PagesConfig {
  readonly consoleDirectory: string;
  readonly docsDirectory: string;
  /** The verifier page with this chain pinned; undefined where it was not built. */
  readonly verifierPage: string | undefined;
}

const CONSOLE_MOUNT = "/console/";
const DOCS_MOUNT = "/docs/";
const VERIFIER_PATH = "/verifier.html";
const YEAR_SECONDS = 31_536_000;

/** Nothing is loaded from anywhere else, and no script runs but the built ones. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "font-src 'self'",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** Registers the pages at the root of the server. Returns where `/` leads. */
export function addPages(app: FastifyInstance, pages: PagesConfig): string | undefined {
  const hasConsole = existsSync(join(pages.consoleDirectory, "index.html"));
  if (hasConsole) addConsole(app, pages.consoleDirectory);
  if (existsSync(join(pages.docsDirectory, "index.html"))) addDocs(app, pages.docsDirectory);
  if (pages.verifierPage !== undefined) addVerifier(app, pages.verifierPage);
  addDigitalLinks(app);
  return hasConsole ? CONSOLE_MOUNT : undefined;
}

function guardPage(reply: FastifyReply): FastifyReply {
  return reply
    .header("content-security-policy", CONTENT_SECURITY_POLICY)
    .header("referrer-policy", "no-referrer")
    .header("permissions-policy", "camera=(self), geolocation=(), microphone=()");
}

function addConsole(app: FastifyInstance, directory: string): void {
  app.register(fastifyStatic, {
    root: directory,
    prefix: CONSOLE_MOUNT,
    preCompressed: true,
    cacheControl: false,
    wildcard: false,
    // Answered below: pages of the console are addresses without files.
    index: false,
    setHeaders: (reply, path) => {
      guardPage(reply);
      // Names of assets hold a hash of their content.
      const isAsset = path.includes("/assets/");
      reply.header("cache-control", isAsset ? `public, max-age=${YEAR_SECONDS}, immutable` : "no-cache");
    },
  });
  const sendIndex = (_request: FastifyRequest, reply: FastifyReply): FastifyReply =>
    reply.sendFile("index.html", directory);
  // Pages beside the console name no icon of their own: browsers ask for this one.
  app.get("/favicon.ico", async (_request, reply) => reply.redirect(`${CONSOLE_MOUNT}icon.svg`, 302));
  app.get("/console", async (_request, reply) => reply.redirect(CONSOLE_MOUNT, 302));
  app.get(CONSOLE_MOUNT, sendIndex);
  app.get<{ Params: { "*": string } }>(`${CONSOLE_MOUNT}*`, (request, reply) =>
    request.params["*"].startsWith("assets/")
      ? sendProblem(reply, makeProblem("route.not-found", "no such file; reload the page"))
      : sendIndex(request, reply),
  );
}

function addDocs(app: FastifyInstance, directory: string): void {
  app.register(fastifyStatic, {
    root: directory,
    prefix: DOCS_MOUNT,
    decorateReply: false,
    preCompressed: true,
    cacheControl: false,
    setHeaders: (reply) => {
      guardPage(reply).header("cache-control", "no-cache");
    },
  });
  app.get("/docs", async (_request, reply) => reply.redirect(DOCS_MOUNT, 302));
}

/** The page carries its own policy, by the hashes of its script and style: it must hold from a disk, too. */
function addVerifier(app: FastifyInstance, page: string): void {
  const bytes = Buffer.from(page);
  const compressed = gzipSync(bytes);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  app.get(VERIFIER_PATH, async (request, reply) => {
    reply
      .type("text/html; charset=utf-8")
      .header("cache-control", "no-cache")
      .header("lhg-sha256", sha256)
      .header("vary", "accept-encoding")
      .header("referrer-policy", "no-referrer");
    if (!/\bgzip\b/.test(request.headers["accept-encoding"] ?? "")) return reply.send(bytes);
    return reply.header("content-encoding", "gzip").send(compressed);
  });
  app.get(`${VERIFIER_PATH}.sha256`, async (_request, reply) =>
    reply.type("text/plain; charset=utf-8").send(`${sha256}  verifier.html\n`),
  );
}

/** GS1 application identifiers that begin a Digital Link path: `/01/09521234543213/21/1`. */
const DIGITAL_LINK = /^\/(?:00|01|253|254|255|401|402|414|417|8003|8004|8006|8010|8013|8017|8018)\/[^?]+/;

/** A code on a product names this node as its resolver: whoever scans it sees the item. */
function addDigitalLinks(app: FastifyInstance): void {
  app.addHook("onRequest", async (request: FastifyRequest, reply: FastifyReply) => {
    if (!request.is404 || request.method !== "GET") return undefined;
    const path = DIGITAL_LINK.exec(request.url)?.[0];
    if (path === undefined) return undefined;
    try {
      const { key } = canonicalIdentity(`https://id.gs1.org${path}`, "path");
      return reply.redirect(`${CONSOLE_MOUNT}items?id=${encodeURIComponent(key)}`, 302);
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
      return sendProblem(reply, makeProblem(error.code, error.message, error.field));
    }
  });
}
