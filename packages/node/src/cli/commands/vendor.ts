import { readFile, writeFile } from "node:fs/promises";
import type { Address } from "@lhg/protocol/core/account";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { APPROVAL_BYTES_MAX, decodeApproval } from "@lhg/protocol/core/statement/approval";
import type { Message } from "@lhg/protocol/ledger";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import {
  type Action,
  type Admission,
  approveAction,
  describeAdmission,
  describeExpulsion,
} from "@lhg/sdk/transaction/approvals";
import {
  makeAdmission,
  makeCaptureDelegation,
  makeCaptureRevocation,
  makeExpulsion,
} from "@lhg/sdk/transaction/messages";
import { type Chain, chooseAccount, openChain, type Settled, sendMessages } from "../chain.ts";
import { formatFields, formatTable } from "../output.ts";
import { commandName, type Session } from "../session.ts";
import { resolveAddress, resolvePublicKey } from "../signing.ts";

interface ApprovalOptions {
  readonly as?: string;
  readonly approve?: string;
  readonly approval?: readonly string[];
}

/** Long enough to collect approvals by hand. */
const APPROVAL_LIFETIME_MS = 7 * 24 * 3_600_000;

export async function admitVendor(
  session: Session,
  name: string,
  options: ApprovalOptions & { readonly name: string; readonly prefix?: readonly string[] },
): Promise<void> {
  const chain = await openChain(session);
  const vendor = await resolveAddress(session, chain.devKeys, name);
  const version = await readVersion(chain, vendor);
  const admission: Admission = { vendor, name: options.name, prefixes: options.prefix ?? [], version };
  const settled = await decide(session, chain, describeAdmission(admission), options, (approvals) =>
    makeAdmission(admission, approvals),
  );
  if (settled === undefined) return;
  session.output.result(
    { ...settled, vendor: toHex(vendor), name: options.name, prefixes: admission.prefixes },
    `Admitted ${options.name} (${toHex(vendor)}) in block ${settled.height}`,
  );
  session.output.note(
    `Captures and readings are paid in credit: ${commandName()} send credit ${name} 100000`,
  );
}

export async function expelVendor(session: Session, name: string, options: ApprovalOptions): Promise<void> {
  const chain = await openChain(session);
  const vendor = await resolveAddress(session, chain.devKeys, name);
  const { version } = await chain.client.getVendor(toHex(vendor));
  const settled = await decide(session, chain, describeExpulsion(vendor, version), options, (approvals) =>
    makeExpulsion(vendor, version, approvals),
  );
  if (settled === undefined) return;
  session.output.result(
    { ...settled, vendor: toHex(vendor) },
    `Expelled ${toHex(vendor)} in block ${settled.height}`,
  );
}

/** The version that approvers see: 0 for a vendor that was never admitted. */
async function readVersion({ client }: Chain, vendor: Address): Promise<number> {
  try {
    return (await client.getVendor(toHex(vendor))).version;
  } catch (error) {
    if (error instanceof LhgError && error.code === "vendor.not-found") return 0;
    throw error;
  }
}

/** Signs an approval into a file, or sends the action with the approvals there are; undefined: nothing was sent. */
async function decide(
  session: Session,
  chain: Chain,
  action: Action,
  options: ApprovalOptions,
  makeMessage: (approvals: readonly Uint8Array[]) => Message,
): Promise<Settled | undefined> {
  const terms = { chainId: chain.chainId, expiryMs: Date.now() + APPROVAL_LIFETIME_MS };
  if (options.approve !== undefined) {
    const operator = await chooseAccount(session, chain, options.as, (keys) => keys.operators[0]!);
    await writeFile(options.approve, approveAction(operator.signer, action, terms, nodeCrypto), {
      flag: "wx",
    });
    session.output.result(
      { file: options.approve, operator: toHex(operator.address), expiryMs: terms.expiryMs },
      `${operator.name} approves: hand ${options.approve} to whoever sends the transaction`,
    );
    return undefined;
  }
  const given = await Promise.all((options.approval ?? []).map(readApproval));
  const own =
    given.length > 0
      ? []
      : (chain.devKeys?.operators ?? []).map(({ signer }) =>
          approveAction(signer, action, terms, nodeCrypto),
        );
  const account = await chooseAccount(session, chain, options.as, (keys) => keys.faucet);
  if (own.length > 0) session.output.note(`${own.length} development validators approve.`);
  return sendMessages(chain, account, [makeMessage([...given, ...own])]);
}

async function readApproval(file: string): Promise<Uint8Array> {
  const bytes = new Uint8Array(await readFile(file));
  if (bytes.length > APPROVAL_BYTES_MAX || decodeApproval(bytes) === undefined)
    throw new LhgError("approval.invalid", "is no approval", file);
  return bytes;
}

export async function listVendors(session: Session): Promise<void> {
  const { client } = await openChain(session);
  const vendors = [];
  for (let cursor: string | undefined; ; ) {
    const page = await client.listVendors(cursor === undefined ? {} : { cursor });
    vendors.push(...page.items);
    cursor = page.next;
    if (cursor === undefined) break;
  }
  const rows = vendors.map(({ name, vendor, standing, credits, devices }) => [
    name,
    vendor,
    standing,
    String(credits),
    String(devices),
  ]);
  session.output.result(
    { vendors },
    formatTable(["NAME", "ADDRESS", "STANDING", "CREDITS", "DEVICES"], rows),
  );
}

export async function showVendor(session: Session, name: string): Promise<void> {
  const chain = await openChain(session);
  const address = await resolveAddress(session, chain.devKeys, name);
  const vendor = await chain.client.getVendor(toHex(address));
  session.output.result(
    vendor,
    formatFields([
      ["name", vendor.name],
      ["address", vendor.vendor],
      ["standing", vendor.standing],
      ["prefixes", vendor.prefixes.join(", ") || "none"],
      ["credits", String(vendor.credits)],
      ["devices", String(vendor.devices)],
    ]),
  );
}

const DAY_MS = 24 * 3_600_000;

/** Lets another key sign captures for the vendor. */
export async function delegateCapture(
  session: Session,
  keyName: string,
  options: { readonly as?: string; readonly prefix?: readonly string[]; readonly days: number },
): Promise<void> {
  const chain = await openChain(session);
  const vendor = await chooseAccount(session, chain, options.as, (keys) => keys.vendors[0]!);
  const { address, key } = await resolvePublicKey(session, chain.devKeys, keyName);
  const { timeMs } = await chain.client.getStatus();
  const expiryMs = Math.max(Date.now(), timeMs) + options.days * DAY_MS;
  const { prefix: prefixes = [] } = options;
  const settled = await sendMessages(chain, vendor, [makeCaptureDelegation(key, { prefixes, expiryMs })]);
  const scope = prefixes.length === 0 ? "everything" : prefixes.join(", ");
  session.output.result(
    {
      ...settled,
      vendor: toHex(vendor.address),
      key: toHex(key.bytes),
      address: toHex(address),
      prefixes,
      expiryMs,
    },
    `${keyName} may sign captures for ${vendor.name} about ${scope} until ${new Date(expiryMs).toISOString()}`,
  );
}

export async function revokeCapture(
  session: Session,
  keyName: string,
  options: { readonly as?: string },
): Promise<void> {
  const chain = await openChain(session);
  const vendor = await chooseAccount(session, chain, options.as, (keys) => keys.vendors[0]!);
  const { key } = await resolvePublicKey(session, chain.devKeys, keyName);
  const settled = await sendMessages(chain, vendor, [makeCaptureRevocation(key.bytes)]);
  session.output.result(
    { ...settled, vendor: toHex(vendor.address), key: toHex(key.bytes) },
    `From block ${settled.height} on ${keyName} signs no captures for ${vendor.name}`,
  );
}
