import { LhgError } from "@lhg/protocol/core/errors";
import { createClient } from "@lhg/sdk/client/client";
import { type BridgeEvent, startBridge } from "../../gateway/bridge/bridge.ts";
import { type BrokerOptions, findUrlProblem, readBrokerAccess } from "../broker-access.ts";
import { EXIT, type ExitCode, UNREACHABLE_CODES } from "../exit-codes.ts";
import type { Session } from "../session.ts";
import { waitForEnd } from "../wait-for-end.ts";

interface BridgeOptions extends BrokerOptions {
  readonly broker: string;
  readonly name: string;
  readonly connections: number;
}

/** The node is there and has no room now. */
const BUSY_CODES: ReadonlySet<string> = new Set([
  "node.busy",
  "node.stopping",
  "mempool.full",
  "rate.limited",
  "gateway.busy",
]);
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
  const bridge = await startBridge({
    config: { brokerUrl: broker, ...access, name, connections },
    submit: (submissions) => client.submitMany(submissions),
    statementState: async (id) => client.getStatementState(id),
    isAway: ({ code }) => UNREACHABLE_CODES.has(code) || BUSY_CODES.has(code),
    onEvent: (event) => noteEvent(session, event),
  });
  session.output.result(
    { broker, node: session.options.url },
    `Bridge from ${broker} to ${session.options.url}; Ctrl-C ends it.`,
  );
  try {
    await end.ended;
    return EXIT.ok;
  } finally {
    await bridge.stop();
  }
}

function noteEvent({ output }: Session, event: BridgeEvent): void {
  if (event.kind === "waiting") output.warn(`the node does not answer; messages wait: ${event.message}`);
  if (event.kind === "lost") output.warn("a connection to the broker was lost");
  if (event.kind === "failed")
    output.warn(event.error instanceof Error ? event.error.message : String(event.error));
}
