/** Two nodes with the key of one validator: as if a backup had been started on a second machine. */
import { cp, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { encodeCbor } from "@lhg/protocol/core/codec/cbor";
import { decode, fromJson } from "@lhg/protocol/core/codec/definition";
import { genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { validators } from "@lhg/protocol/modules/validators/validators";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { trustFromGenesis } from "@lhg/sdk/verify/trust";
import { verifyValue } from "@lhg/sdk/verify/verify-value";
import {
  COMET_DUPLICATE_VOTE,
  type CometMisbehaviour,
  cometMisbehaviour,
} from "../../src/blocks/comet-misbehaviour.ts";
import { sodiumCrypto } from "../../src/crypto/sodium.ts";
import type { PortBlocks } from "../network/loopback.ts";
import { NodeProcess } from "../network/node-process.ts";
import { waitForEngine } from "./engines.ts";
import { pollUntil } from "./poll.ts";

/** Of the home of CometBFT: its name among peers, its memory of what it signed, and where it meets the ledger. */
const NOT_COPIED = [
  "comet/config/node_key.json",
  "comet/data/priv_validator_state.json",
  "comet/abci.sock",
  "node.log",
];
/** Kind of the table of misbehaviour (modules/validators). */
const MISBEHAVIOUR_KIND = 3;
const PROVABLE_MS_MAX = 60_000;

/** Stops the node, copies its home into a seat of its own and starts it again. The copy is not started. */
export async function makeTwin(
  node: NodeProcess,
  { seating, seat }: { readonly seating: PortBlocks; readonly seat: number },
): Promise<NodeProcess> {
  const { home, environment } = node.seat;
  const twin = `${home}-twin`;
  await node.stop();
  const left = new Set(NOT_COPIED.map((name) => join(home, name)));
  await cp(home, twin, { recursive: true, filter: (source) => !left.has(source) });
  node.spawn();
  await node.waitUntilUp();
  await waitForEngine(node);
  const config = join(twin, "comet/config/config.toml");
  const text = await readFile(config, "utf8");
  const p2p = `laddr = "tcp://127.0.0.1:${seating.portOf(seat, 2)}"`;
  await writeFile(config, text.replace(/(\[p2p\]\n)laddr = .*/, `$1${p2p}`));
  const state = { height: "0", round: 0, step: 0 };
  await writeFile(join(twin, "comet/data/priv_validator_state.json"), JSON.stringify(state), { mode: 0o600 });
  return new NodeProcess({
    name: "twin",
    home: twin,
    apiUrl: seating.apiUrlOf(seat),
    command: [],
    environment: {
      ...environment,
      LHG_API_PORT: String(seating.portOf(seat, 1)),
      LHG_ENGINE_COMET_RPC: `tcp://127.0.0.1:${seating.portOf(seat, 3)}`,
      // Both propose when it is their turn: what is the same block is no second vote.
      LHG_CONSENSUS_BLOCK_STATEMENTS_MAX: "1",
    },
  });
}

/** Of a block's evidence, against the validator with this key and nobody else. */
export function readAccusation(encoded: readonly string[], consensusKey: Uint8Array): CometMisbehaviour {
  const address = toHex(validatorAddress(sodiumCrypto, consensusKey));
  const opened = encoded.map((text) => decode(cometMisbehaviour, fromHex(text, "evidence"), "evidence"));
  const [first] = opened;
  const isRight = ({ type, address: accused }: CometMisbehaviour): boolean =>
    type === COMET_DUPLICATE_VOTE && toHex(accused) === address;
  if (first === undefined || !opened.every(isRight))
    throw new Error(`evidence is not against ${address}: ${encoded.join(", ")}`);
  return first;
}

/** Demands of a node a proof, verified from genesis alone, that the ledger has the misbehaviour on record. */
export async function requireRecord(
  { name, seat, patient }: NodeProcess,
  operator: string,
  { height, type }: CometMisbehaviour,
): Promise<void> {
  const key = encodeCbor([validators.id, MISBEHAVIOUR_KIND, fromHex(operator, "operator"), height, 0, type]);
  const text = await readFile(join(seat.home, "genesis.json"), "utf8");
  const trust = trustFromGenesis(fromJson(genesisCodec, JSON.parse(text), "genesis"), { hasher: nodeCrypto });
  await pollUntil(`${name} proves no record of the misbehaviour`, PROVABLE_MS_MAX, async () => {
    const { bytes } = await patient.getValueProof("base", toHex(key));
    const verdict = verifyValue(bytes, trust, nodeCrypto);
    if (!verdict.ok) throw new Error(`${name}: ${verdict.code} ${verdict.message}`);
    return verdict.value === null ? undefined : true;
  });
}

/** Demands that a node has said so in its log. */
export async function requireLogged(
  { name, seat }: NodeProcess,
  { address }: CometMisbehaviour,
): Promise<void> {
  const log = await readFile(join(seat.home, "node.log"), "utf8");
  const isSaid = log
    .split("\n")
    .some((line) => line.includes("signed two votes") && line.includes(toHex(address)));
  if (!isSaid) throw new Error(`${name} does not log the misbehaviour`);
}

export async function removeTwin(twin: NodeProcess): Promise<void> {
  await twin.kill();
  await rm(twin.seat.home, { recursive: true, force: true });
}
