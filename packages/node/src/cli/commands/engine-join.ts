/** Lets the CometBFT of a node that has no chain begin with a snapshot of its peers. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { fromHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { writeStateSync } from "../../consensus/comet/process/state-sync-config.ts";
import { readHomeConfig } from "../network/open-home.ts";
import type { Session } from "../session.ts";

export interface JoinOptions {
  readonly home: string;
  readonly rpcServer?: readonly string[];
  readonly trustHeight?: number;
  readonly trustHash?: string;
  readonly trustDays: number;
  readonly off?: boolean;
}

const DAY_MS = 86_400_000;

export async function runEngineJoin({ output }: Session, options: JoinOptions): Promise<void> {
  const { home, rpcServer = [], trustHeight, trustHash, trustDays, off } = options;
  const config = await readHomeConfig({ home, environment: process.env, flags: {} });
  if (config.engine !== "comet")
    throw new LhgError("engine.state-sync", "is of another engine: its node takes sync.state", home);
  const { cometHome } = config;
  if (off === true) {
    await writeStateSync(cometHome, undefined);
    output.result({ cometHome, isOn: false }, [
      "CometBFT begins with the first block, and takes all after it.",
    ]);
    return;
  }
  const pinned = readPinned(config, trustHeight, trustHash);
  if (await hasRun(cometHome))
    output.note(`CometBFT has run in ${cometHome}: it takes a snapshot only while it has no blocks`);
  await writeStateSync(cometHome, {
    rpcServers: rpcServer,
    trustHeight: BigInt(pinned.height),
    trustHash: fromHex(pinned.hash, "--trust-hash"),
    trustPeriodMs: trustDays * DAY_MS,
  });
  output.result({ cometHome, isOn: true, rpcServers: rpcServer, ...pinned }, [
    `CometBFT of ${home} begins with a snapshot that follows from block ${pinned.height}.`,
    "Start the node now: lhg node looks for a snapshot, and goes on with the blocks after it.",
  ]);
}

/** The settings of the node may name it, as those of one under dBFT. */
function readPinned(
  {
    trustedHeight,
    trustedHash,
  }: { readonly trustedHeight?: number | undefined; readonly trustedHash?: string | undefined },
  height = trustedHeight,
  hash = trustedHash,
): { readonly height: number; readonly hash: string } {
  if (height !== undefined && hash !== undefined) return { height, hash };
  throw new LhgError(
    "engine.state-sync",
    "is needed, from a node that you trust: height and hash of a block, as its console or GET /api/v1/blocks/<height> show them",
    height === undefined ? "--trust-height" : "--trust-hash",
  );
}

function hasRun(cometHome: string): Promise<boolean> {
  return stat(join(cometHome, "data", "blockstore.db")).then(
    () => true,
    () => false,
  );
}
