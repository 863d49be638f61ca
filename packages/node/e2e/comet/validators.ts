/** Validators come and go by transactions of the ledger, as their operators approve. */
import { FLAG_COMMIT } from "@lhg/protocol/core/block/comet-commit";
import { validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { toHex } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { submission } from "@lhg/protocol/core/statement/submission";
import type { SecretKey } from "@lhg/sdk/keys/keys";
import { sodiumCrypto } from "../../src/crypto/sodium.ts";
import type { NodeProcess } from "../network/node-process.ts";
import { addressOf, approve, signTransaction } from "../statements.ts";
import { askEngine } from "./engines.ts";
import { pollUntil } from "./poll.ts";

const LIFETIME_MS = 3_600_000;
const BLOCKS_MS_MAX = 120_000;
const SIGNED_MS_MAX = 120_000;
/** A change decided at H signs from H + 2 on. */
export const CHANGE_HEIGHTS = 2;

export interface ValidatorChange {
  readonly operator: Uint8Array;
  readonly consensusKey: Uint8Array;
  /** 0 removes it. */
  readonly power: bigint;
}

export interface ChangePlan {
  readonly chainId: string;
  /** Who approves. */
  readonly operators: readonly SecretKey[];
  /** Who pays. */
  readonly payer: SecretKey;
  /** Where it is sent. */
  readonly node: NodeProcess;
  readonly changes: readonly ValidatorChange[];
}

export interface ChangeOutcome {
  readonly height: number;
  /** `ok`, or why nothing has changed. */
  readonly status: string;
}

/** The height in which it was decided, and what became of it. */
export async function changeValidators(plan: ChangePlan): Promise<ChangeOutcome> {
  const { chainId, operators, payer, node, changes } = plan;
  const client = node.patient;
  const { version } = await client.getValidators();
  const expiryMs = Date.now() + LIFETIME_MS;
  const named = changes.map(({ operator, consensusKey, power }) => [operator, consensusKey, power]);
  const approvals = approve(operators, {
    chainId,
    name: "validators.change",
    body: [named, version],
    expiryMs,
  });
  const { nonce } = await client.getAccount(toHex(addressOf(payer)));
  const { statement, body, id } = signTransaction(payer, {
    chainId,
    nonce,
    expiryMs,
    messages: [{ type: "validators.change", body: { changes: [...changes], version, approvals } }],
  });
  const result = await client.submit(encode(submission, { statement, body }));
  if (result.state !== "accepted") throw new Error(`${result.code}: ${result.message}`);
  const found = await client.waitFor(id);
  if (found.state !== "committed" && found.state !== "provable")
    throw new Error(`the change is in no block: ${JSON.stringify(found)}`);
  return { status: found.status, height: found.height };
}

/** Until CometBFT of all these nodes has come past a change decided at this height; the keys that it names before and after. */
export async function readChange(
  nodes: readonly NodeProcess[],
  decidedAt: number,
): Promise<{ readonly before: ReadonlySet<string>; readonly after: ReadonlySet<string> }> {
  const told = await Promise.all(
    nodes.map(async (node) => {
      await waitForHeight(node, decidedAt + CHANGE_HEIGHTS);
      const keysAt = async (height: number): Promise<string[]> =>
        (await askEngine(node, (rpc) => rpc.validators(BigInt(height)))).map(({ consensusKey }) =>
          toHex(consensusKey),
        );
      return [
        await keysAt(decidedAt + CHANGE_HEIGHTS - 1),
        await keysAt(decidedAt + CHANGE_HEIGHTS),
      ] as const;
    }),
  );
  const [first] = told;
  const other = told.findIndex((sets) => String(sets) !== String(first));
  if (other >= 0) throw new Error(`${nodes[other]!.name} has other validators than ${nodes[0]!.name}`);
  return { before: new Set(first![0]), after: new Set(first![1]) };
}

function waitForHeight(node: NodeProcess, height: number): Promise<true> {
  return pollUntil(`${node.name} does not come to height ${height}`, BLOCKS_MS_MAX, async () =>
    (await askEngine(node, (rpc) => rpc.status())).height >= BigInt(height) ? true : undefined,
  );
}

/** The first height from `from` on whose commit this key has signed. */
export function findSigned(node: NodeProcess, consensusKey: Uint8Array, from: number): Promise<number> {
  const address = toHex(validatorAddress(sodiumCrypto, consensusKey));
  let height = from;
  return pollUntil(`${address} signs nothing`, SIGNED_MS_MAX, async () => {
    const { height: head } = await askEngine(node, (rpc) => rpc.status());
    for (; BigInt(height) < head; height++) {
      const { commit } = await askEngine(node, (rpc) => rpc.commit(BigInt(height)));
      const has = commit.signatures.some(
        ({ blockIdFlag, validatorAddress: signer }) =>
          blockIdFlag === FLAG_COMMIT && toHex(signer) === address,
      );
      if (has) return height;
    }
    return undefined;
  });
}
