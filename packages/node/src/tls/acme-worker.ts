/**
 * One order of a certificate, in a thread of its own: the client has no way to be stopped, a thread does, and its
 * memory goes with it.
 */
import { once } from "node:events";
import { parentPort, workerData } from "node:worker_threads";
import { assertInvariant, LhgError } from "@lhg/protocol/core/errors";
import acme from "acme-client";
import type { AcmeOrder, AcmeReport } from "./acme.ts";

const REQUEST_TIMEOUT_MS = 30_000;

assertInvariant(parentPort !== null, "runs as a worker");
const port = parentPort;
const order = workerData as AcmeOrder;

const report = (message: AcmeReport): void => port.postMessage(message);

// Asked before, as the client hides what a connection failed of.
await fetch(order.directoryUrl, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) }).catch((error: Error) => {
  const { message } = error.cause instanceof Error ? error.cause : error;
  throw new LhgError("acme.unreachable", `does not answer: ${message}`, order.directoryUrl);
});
// The order as a whole is tried again, with longer pauses than these retries have.
Object.assign(acme.axios.defaults, {
  timeout: REQUEST_TIMEOUT_MS,
  acmeSettings: { retryMaxAttempts: 0, retryDefaultDelay: 5 },
});
const client = new acme.Client({ directoryUrl: order.directoryUrl, accountKey: order.accountKey });
const [key, csr] = await acme.crypto.createCsr(
  { commonName: order.domain, altNames: [order.domain] },
  await acme.crypto.createPrivateEcdsaKey("P-256"),
);
const cert = await client.auto({
  csr,
  ...(order.email === undefined ? {} : { email: order.email }),
  termsOfServiceAgreed: true,
  challengePriority: ["http-01"],
  // From inside of its own network a node often can't reach its public name.
  skipChallengeVerification: true,
  challengeCreateFn: async (_authorization, { token }, keyAuthorization) => {
    const served = once(port, "message");
    report({ type: "challenge", token, keyAuthorization });
    await served;
  },
  challengeRemoveFn: async (_authorization, { token }) => report({ type: "done", token }),
});
report({ type: "certificate", cert, key: key.toString() });
