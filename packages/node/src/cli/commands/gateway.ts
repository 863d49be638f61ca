import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { openChain } from "../chain.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { type GatewayFlags, readGatewayConfig } from "../gateway/config.ts";
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
  const chain = await openChain(session);
  const vendor = await resolveAddress(session, chain.devKeys, config.vendor);
  const { signer } = await openAccount(session, chain.devKeys, config.key);
  const ended = Promise.withResolvers<NodeJS.Signals>();
  process.once("SIGINT", ended.resolve);
  process.once("SIGTERM", ended.resolve);
  const gateway = await startGateway({
    config,
    client: chain.client,
    chainId: chain.chainId,
    vendor,
    signer,
    folder: join(session.options.data, "gateways", config.name),
    say: (text) => output.note(text),
  });
  output.result(
    { gateway: config.name, vendor: toHex(vendor), places: gateway.places, waiting: gateway.counts.waiting },
    [
      `Gateway ${config.name} records for ${config.vendor} what devices send that cannot sign.`,
      ...gateway.places.map((place) => `  ${place}`),
      "What it signs says so: lhg:recordedBy, deviceSigned false. Ctrl-C ends it; what it took is kept.",
      `Its key must be delegated: ${commandName()} vendor delegate ${config.key} --as ${config.vendor}`,
    ],
  );
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
