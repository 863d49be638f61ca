import { stat } from "node:fs/promises";
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import type { NodeConfig } from "../../config.ts";
import { connectCometRpc } from "../../consensus/comet/process/comet-rpc.ts";
import {
  COMETBFT_VERSION,
  type CometBinary,
  findCometBinary,
  installCometBinary,
} from "../../consensus/comet/process/engine-binary.ts";
import type { CometStatus } from "../../consensus/comet/process/rpc-shapes.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { CONFIG_FILE } from "../network/home-files.ts";
import { readHomeConfig } from "../network/open-home.ts";
import { formatFields } from "../output.ts";
import type { Session } from "../session.ts";

export async function runEngineInstall(
  { output }: Session,
  { directory }: { readonly directory?: string },
): Promise<void> {
  output.note(`CometBFT ${COMETBFT_VERSION}: looking for it, else building it, which takes some minutes`);
  const { file, version, isNew } = await installCometBinary({
    ...(directory === undefined ? {} : { directory }),
    log: (line) => output.note(`  ${line}`),
  });
  output.result({ file, version, isNew }, [
    isNew ? `CometBFT ${version} is installed: ${file}` : `CometBFT ${version} is there already: ${file}`,
    ...(directory === undefined
      ? []
      : ["A node finds it where the folder is on PATH, or engine.comet_binary names it."]),
  ]);
}

const STATUS_TIMEOUT_MS = 3_000;

/** `found`: what would be started. `running`: what answers at the address of the home's settings. */
export async function showEngineStatus(
  { output }: Session,
  { home }: { readonly home: string },
): Promise<ExitCode> {
  const config = await readConfigIfThere(home);
  const found = await findCometBinary({
    configured: config?.cometBinaryFile,
    path: process.env.PATH ?? "",
  }).catch(keepError);
  const running = config === undefined ? undefined : await askStatus(config).catch(keepError);
  const isFound = !(found instanceof LhgError);
  output.result(
    {
      needed: COMETBFT_VERSION,
      found: isFound ? found : null,
      ...(isFound ? {} : { problem: { code: found.code, message: found.message } }),
      ...(config === undefined ? {} : { engine: config.engine }),
      running: running === undefined || running instanceof LhgError ? null : describeRunning(running),
    },
    formatFields([
      ["needed", `CometBFT ${COMETBFT_VERSION}`],
      ["found", describeFound(found)],
      ...(config === undefined ? [] : [["home", `${home}, whose engine is ${config.engine}`] as const]),
      ...(config === undefined || running === undefined
        ? []
        : [["running", describeAnswer(running, config.cometRpc)] as const]),
    ]),
  );
  return isFound ? EXIT.ok : EXIT.notFound;
}

function keepError(error: unknown): LhgError {
  if (error instanceof LhgError) return error;
  throw error;
}

async function readConfigIfThere(home: string): Promise<NodeConfig | undefined> {
  const isThere = await stat(join(home, CONFIG_FILE)).then(
    () => true,
    () => false,
  );
  return isThere ? readHomeConfig({ home, environment: process.env, flags: {} }) : undefined;
}

async function askStatus({ cometRpc }: NodeConfig): Promise<CometStatus> {
  const rpc = connectCometRpc({ address: cometRpc, timeoutMs: STATUS_TIMEOUT_MS });
  return rpc.status().finally(rpc.close);
}

function describeFound(found: CometBinary | LhgError): string {
  return found instanceof LhgError ? `no: ${found.message}` : `${found.file}, version ${found.version}`;
}

function describeAnswer(running: CometStatus | LhgError, address: string): string {
  if (running instanceof LhgError) return `nothing that answers at ${address}`;
  const { chainId, height, isCatchingUp, nodeId } = running;
  return `chain ${chainId}, height ${height}${isCatchingUp ? ", catching up" : ""}, node ${nodeId}`;
}

/** Heights as numbers: those of a chain are far below 2^53. */
function describeRunning({ chainId, version, nodeId, height, isCatchingUp, power }: CometStatus): object {
  return { chainId, version, nodeId, height: Number(height), isCatchingUp, isValidator: power > 0n };
}
