import { LhgError } from "@lhg/protocol/core/errors";
import { createClient } from "@lhg/sdk/client/client";
import type { NodeService } from "../../api/service.ts";
import { type BridgeEvent, startBridge } from "../../gateway/bridge/bridge.ts";
import { RequestFailure } from "../../gateway/bridge/delivery.ts";
import { type BrokerOptions, findUrlProblem, readBrokerAccess } from "../broker-access.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import type { Session } from "../session.ts";
import { waitForEnd } from "../wait-for-end.ts";

interface BridgeOptions extends BrokerOptions {
  readonly broker: string;
  readonly name: string;
  readonly connections: number;
}

const CONNECTIONS_MAX = 64;

/** Runs until a signal ends it. */
export async function runBridge(session: Session, options: BridgeOptions): Promise<ExitCode> {
  const { broker, name, connections } = options;
  const problem = findUrlProblem(broker, ["mqtt", "mqtts"]);
  if (problem !== undefined) throw new LhgError("usage.broker", problem, "--broker");
  if (connections > CONNECTIONS_MAX)
    throw new LhgError("usage.connections", `must be at most ${CONNECTIONS_MAX}`, "--connections");
  const client = createClient({ url: session.options.url, retries: 0 });
  const access = await readBrokerAccess(options);
  const end = waitForEnd();
  const bridge = startBridge({
    config: { brokerUrl: broker, ...access, name, connections },
    submit: createBridgeSubmit(session.options.url),
    statementState: async (id) => client.getStatementState(id),
    onEvent: (event) => {
      noteEvent(session, event);
      if (event.kind === "barred") end.fail(describeBar(session.options.url, event.failure));
    },
  });
  const place = describeBroker(broker);
  try {
    await Promise.race([bridge.ready.then(() => showStart(session, place)), end.ended]);
    await end.ended;
    return EXIT.ok;
  } finally {
    await bridge.stop();
  }
}

function showStart({ output, options: { url } }: Session, broker: string): void {
  output.result({ broker, node: url }, `Bridge from ${broker} to ${url}; Ctrl-C ends it.`);
}

/** Without the password that may stand in it. */
function describeBroker(url: string): string {
  const { protocol, host } = new URL(url);
  return `${protocol}//${host}`;
}

/** Submits once, and tells how a whole request failed: the client knows codes, the bridge goes by the status too. */
export function createBridgeSubmit(url: string): NodeService["submit"] {
  return async (submissions) => {
    let status: number | undefined;
    const client = createClient({
      url,
      retries: 0,
      fetch: async (input, init) => {
        const response = await fetch(input, init);
        status = response.status;
        return response;
      },
    });
    try {
      return await client.submitMany(submissions);
    } catch (error) {
      throw error instanceof LhgError ? new RequestFailure(error, status) : error;
    }
  };
}

function describeBar(url: string, { status, reason }: RequestFailure): LhgError {
  const said = `${url} lets no bridge in (HTTP ${status}, ${reason.code}: ${reason.message})`;
  return new LhgError(
    "bridge.barred",
    `${said}; nothing was acknowledged: look at this address and at the node's --host and --public-url`,
    "--url",
  );
}

function noteEvent({ output }: Session, event: BridgeEvent): void {
  if (event.kind === "waiting") output.warn(`the node does not answer; messages wait: ${event.message}`);
  if (event.kind === "lost") output.warn(`no connection to the broker; trying again (${event.message})`);
  if (event.kind === "connected") output.note("Connected to the broker.");
  if (event.kind === "failed")
    output.warn(event.error instanceof Error ? event.error.message : String(event.error));
}
