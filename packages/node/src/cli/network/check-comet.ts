/** What CometBFT needs to start for a node: a program, a home that is whole, its ports. */
import { join } from "node:path";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { NodeConfig } from "../../config.ts";
import {
  NODE_KEY,
  readCometNodeId,
  readCometValidatorKey,
  VALIDATOR_KEY,
} from "../../consensus/comet/process/comet-home.ts";
import { findCometBinary } from "../../consensus/comet/process/engine-binary.ts";
import { readConsensusKeyFile, requirePrivate } from "./open-home.ts";

/** Each throws what is wrong; none where another engine runs. */
export function checkComet(config: NodeConfig): (() => Promise<void>)[] {
  if (config.engine !== "comet") return [];
  const { cometHome, cometBinaryFile: configured, cometAttach } = config;
  // What runs as a service of its own has its home where this user may not look.
  if (cometAttach) return [];
  return [
    async () => void (await findCometBinary({ configured, path: process.env.PATH ?? "" })),
    async () => {
      await readCometNodeId(cometHome);
      await requirePrivate(join(cometHome, NODE_KEY));
    },
    async () => {
      const publicKey = await readCometValidatorKey(cometHome);
      await requirePrivate(join(cometHome, VALIDATOR_KEY));
      await checkSameKey(config, publicKey);
    },
  ];
}

/** Throws `home.comet-key` where CometBFT votes with another key than the settings of the node name. */
async function checkSameKey(
  { consensusKeyFile, cometHome }: NodeConfig,
  publicKey: Uint8Array,
): Promise<void> {
  if (consensusKeyFile === undefined) return;
  const { key } = await readConsensusKeyFile(consensusKeyFile);
  if (!equalBytes(key.bytes, publicKey))
    throw new LhgError(
      "home.comet-key",
      "is another key than consensus.key_file holds",
      join(cometHome, VALIDATOR_KEY),
    );
}
