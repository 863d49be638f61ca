import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { createClient } from "@lhg/sdk/client/client";
import { openChain } from "../chain.ts";
import { findDevKeys } from "../dev-keys.ts";
import { EXIT, type ExitCode, UNREACHABLE_CODES } from "../exit-codes.ts";
import { type GatewayConfig, type GatewayFlags, readGatewayConfig } from "../gateway/config.ts";
import { type GatewayHome, recallHome, rememberHome } from "../gateway/home.ts";
import { startGateway } from "../gateway/run.ts";
import { commandName, type Session } from "../session.ts";
import { openAccount, resolveAddress } from "../signing.ts";

/** Runs until a signal ends it. */
export async function runGateway(
  session: Session,
  options: GatewayFlags & { readonly config: string },
): Promise<ExitCode> {
  const { output } = session;
  const config = readGatewayConfig(await readFile(options.config, "utf8"), options);
  const folder = join(session.options.data, "gateways", config.name);
  const { chainId, vendor } = await findHome(session, config, folder);
  const { signer } = await openAccount(session, await findDevKeys(session.options.data, chainId), config.key);
  const ended = Promise.withResolvers<NodeJS.Signals>();
  process.once("SIGINT", ended.resolve);
  process.once("SIGTERM", ended.resolve);
  const gateway = await startGateway({
    config,
    client: createClient({ url: session.options.url }),
    chainId,
    vendor: fromHex(vendor),
    signer,
    folder,
    say: (text) => output.note(text),
  });
  output.result({ gateway: config.name, vendor, places: gateway.places, waiting: gateway.counts.waiting }, [
    `Gateway ${config.name} records for ${config.vendor} what devices send that cannot sign.`,
    ...gateway.places.map((place) => `  ${place}`),
    "What it signs says so: lhg:recordedBy, deviceSigned false. Ctrl-C ends it; what it took is kept.",
    `Its key must be delegated: ${commandName()} vendor delegate ${config.key} --as ${config.vendor}`,
  ]);
  try {
    const signal = await Promise.race([ended.promise, gateway.failed]);
    output.note(`${signal}: stopping.`);
    return EXIT.ok;
  } finally {
    await gateway.stop();
    const { readings, refused, recorded, setAside, waiting } = gateway.counts;
    output.note(
      `${readings} readings taken, ${recorded} events recorded, ${refused} messages refused, ${setAside} events set aside, ${waiting} wait.`,
    );
  }
}

/** What the chain says, which is remembered; where no node can be reached, what was remembered. */
async function findHome(session: Session, config: GatewayConfig, folder: string): Promise<GatewayHome> {
  try {
    const { chainId, devKeys } = await openChain(session);
    const home = { chainId, vendor: toHex(await resolveAddress(session, devKeys, config.vendor)) };
    await rememberHome(folder, home);
    return home;
  } catch (error) {
    const remembered = isUnreachable(error) ? await recallHome(folder) : undefined;
    if (remembered === undefined) throw error;
    session.output.note("The node cannot be reached: readings are taken and kept until it can.");
    return remembered;
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof LhgError && UNREACHABLE_CODES.has(error.code);
}
