import { accountKey, getAccount } from "@lhg/protocol/core/accounts";
import { equalBytes } from "@lhg/protocol/core/bytes";
import type { StateReader } from "@lhg/protocol/core/state/overlay";
import { BASE, type Partition } from "@lhg/protocol/core/state/partition";
import { getDevice } from "@lhg/protocol/modules/identity/devices";
import { getVendor } from "@lhg/protocol/modules/identity/vendors";
import { getValidatorsAt } from "@lhg/protocol/modules/validators/validators";
import type { QueryContext } from "./context.ts";
import { readHex } from "./paging.ts";
import { buildValueProof, requireProvable, viewProof } from "./proofs.ts";
import { viewKey } from "./statements.ts";
import type { AccountView, ProofView } from "./views.ts";

export interface ProofArgs {
  /** Answers from the provable state, with the proof; else from the newest state. */
  readonly proof?: boolean;
}

/** The state that an answer is read from, and of which height it is. */
export function openState(
  context: QueryContext,
  { proof = false }: ProofArgs,
): { readonly state: StateReader; readonly height: number } {
  return proof
    ? { state: context.provable, height: requireProvable(context) }
    : { state: context.state, height: context.head.height };
}

export function proveIfAsked(
  context: QueryContext,
  { proof = false }: ProofArgs,
  partition: Partition,
  key: Uint8Array,
): { proof?: ProofView } {
  if (!proof) return {};
  const bytes = buildValueProof(context, partition, key);
  return { proof: viewProof("value", requireProvable(context), bytes) };
}

/** An account that nobody used yet is an empty one: there is no address that does not exist. */
export function getAccountView(
  context: QueryContext,
  args: ProofArgs & { readonly address: string },
): AccountView {
  const address = readHex(args.address, 20, "address");
  const { state, height } = openState(context, args);
  const { nonce, balance, key } = getAccount(state, address);
  const validators = getValidatorsAt(context.state, context.head.height + 1);
  return {
    height,
    address: args.address,
    nonce,
    balance: balance.toString(),
    key: key === null ? null : viewKey(key),
    isVendor: getVendor(state, address) !== undefined,
    isDevice: getDevice(state, address) !== undefined,
    isValidator: validators.some(({ operator }) => equalBytes(operator, address)),
    ...proveIfAsked(context, args, BASE, accountKey(address)),
  };
}
