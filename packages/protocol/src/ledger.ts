/** The ordered list of modules and what it makes: the message union, genesis and the hooks of a block. */
import { encode, type Infer, union } from "./core/codec/definition.ts";
import type { Genesis } from "./core/genesis.ts";
import type { BlockContext, MessageContext, Module } from "./core/module.ts";
import { defineTransaction } from "./core/statement/transaction.ts";
import { attestation } from "./modules/attestation/attestation.ts";
import { attestationMessages } from "./modules/attestation/messages.ts";
import { createChain } from "./modules/chain/chain.ts";
import { chainMessages } from "./modules/chain/messages.ts";
import { collections } from "./modules/collection/collection.ts";
import { collectionMessages } from "./modules/collection/messages.ts";
import { createCommand } from "./modules/command/command.ts";
import { commandMessages } from "./modules/command/messages.ts";
import { createGroups } from "./modules/groups/groups.ts";
import { groupsMessages } from "./modules/groups/messages.ts";
import { getDevice } from "./modules/identity/devices.ts";
import { createIdentity } from "./modules/identity/identity.ts";
import { identityMessages } from "./modules/identity/messages.ts";
import { ADMITTED, getVendor } from "./modules/identity/vendors.ts";
import { tokenMessages } from "./modules/token/messages.ts";
import { token } from "./modules/token/token.ts";
import { validatorsMessages } from "./modules/validators/messages.ts";
import { requireApprovals, validators } from "./modules/validators/validators.ts";

const definitions = {
  ...tokenMessages,
  ...validatorsMessages,
  ...identityMessages,
  ...groupsMessages,
  ...collectionMessages,
  ...chainMessages,
  ...attestationMessages,
  ...commandMessages,
} as const;

/** Every message a transaction may carry. */
export const message = union(definitions);
export type Message = Infer<typeof message>;
export const transaction = defineTransaction(message);
export type Transaction = Infer<typeof transaction>;

/** Modules in the order in which their hooks run. A chain of another kind is another list. */
export const MODULES: readonly Module[] = [
  createChain({ requireApprovals }),
  token,
  validators,
  createIdentity({ requireApprovals }),
  createGroups({ requireApprovals, isVendor: (state, vendor) => getVendor(state, vendor) !== undefined }),
  collections,
  attestation,
  createCommand({
    getDevice,
    isAdmitted: (state, vendor) => getVendor(state, vendor)?.standing === ADMITTED,
  }),
] as unknown as readonly Module[];

type Handler = (context: MessageContext, body: unknown) => void;
const handlers: ReadonlyMap<string, Handler> = new Map(
  MODULES.flatMap((module) => Object.entries(module.handlers) as [string, Handler][]),
);

export function executeMessage(context: MessageContext, { type, body }: Message): void {
  handlers.get(type)!(context, body);
}

/** Approvals a message embeds: each costs the gas of a signature check. */
export function countApprovals({ type, body }: Message): number {
  const definition = definitions[type] as { approvalsOf?: (body: unknown) => number };
  return definition.approvalsOf?.(body) ?? 0;
}

export function initGenesis(context: BlockContext, genesis: Genesis): void {
  for (const module of MODULES) module.initGenesis?.(context, genesis);
}

export function encodeTransaction(value: Transaction): Uint8Array {
  return encode(transaction, value, "transaction");
}
