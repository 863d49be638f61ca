/** Keys of a development chain, for console and sample programs on the same machine. No other chain has this route. */
import { createHash, timingSafeEqual } from "node:crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { type Static, Type } from "typebox";
import { addOperation, JSON_TYPE, NOTHING } from "../operations.ts";

const developmentKeys = Type.Object({
  chainId: Type.String(),
  keys: Type.Array(
    Type.Object({
      name: Type.String(),
      title: Type.Optional(Type.String()),
      address: Type.String(),
      role: Type.Union([Type.Literal("vendor"), Type.Literal("operator"), Type.Literal("faucet")]),
      alg: Type.Literal("EdDSA"),
      seed: Type.String({ description: "32 bytes in hex: never use it for anything real" }),
      prefixes: Type.Optional(Type.Array(Type.String())),
    }),
  ),
});
export type DevelopmentKeys = Static<typeof developmentKeys>;

const LOOPBACK_HOST = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::[0-9]{1,5})?$/i;
const LOOPBACK_ADDRESS = /^(?:127\.|::1$|::ffff:127\.)/;

export interface OfferedKeys {
  readonly keys: DevelopmentKeys;
  /** Asked of every request where others can reach the node: a proxy on this machine may say nothing of whom it serves. */
  readonly token: string | undefined;
}

export function addDevelopmentRoutes(app: FastifyInstance, { keys, token }: OfferedKeys): void {
  addOperation(
    app,
    {
      id: "getDevelopmentKeys",
      method: "GET",
      path: "/development/keys",
      tag: "node",
      summary: "The keys of this development chain, to this machine alone",
      params: NOTHING,
      query: NOTHING,
      status: 200,
      answer: { [JSON_TYPE]: developmentKeys },
    },
    (_input, request) => {
      if (!isFromThisMachine(request) || !hasToken(request, token))
        throw new LhgError(
          "development.elsewhere",
          "are given to programs on the node's machine alone",
          "keys",
        );
      return keys;
    },
  );
}

function hasToken({ headers }: FastifyRequest, token: string | undefined): boolean {
  if (token === undefined) return true;
  const given = createHash("sha256")
    .update(headers.authorization ?? "")
    .digest();
  return timingSafeEqual(given, createHash("sha256").update(`Bearer ${token}`).digest());
}

/** A proxy on this machine brings strangers from elsewhere: what it adds gives it away. */
function isFromThisMachine({ headers, socket }: FastifyRequest): boolean {
  const isForwarded = ["forwarded", "via", "x-forwarded-for", "x-real-ip"].some((name) => name in headers);
  return (
    !isForwarded &&
    LOOPBACK_HOST.test(headers.host ?? "") &&
    LOOPBACK_ADDRESS.test(socket.remoteAddress ?? "")
  );
}
