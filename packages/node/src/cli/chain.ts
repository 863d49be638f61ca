/** The chain that a command talks to: a client of its node, its rules, and the development keys that belong to it. */
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { fromJson } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Parameters, parameters } from "@lhg/protocol/core/parameters";
import type { Message } from "@lhg/protocol/ledger";
import { type Client, createClient } from "@lhg/sdk/client/client";
import type { Refusal, StatementState } from "@lhg/sdk/client/types";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { createAccountSender } from "@lhg/sdk/transaction/account-sender";
import type { Account } from "./accounts.ts";
import { formatAmount } from "./amounts.ts";
import { type DevKeys, findDevKeys } from "./dev-keys.ts";
import type { Session } from "./session.ts";
import { openAccount } from "./signing.ts";

export interface Chain {
  readonly client: Client;
  readonly chainId: string;
  readonly height: number;
  readonly devKeys: DevKeys | undefined;
}

/** Throws `client.unreachable`. */
export async function openChain({ options }: Session): Promise<Chain> {
  const client = createClient({ url: options.url });
  const { chainId, height } = await client.getStatus();
  return { client, chainId, height, devKeys: await findDevKeys(options.data, chainId) };
}

export async function getParameters({ client }: Chain): Promise<Parameters> {
  return fromJson(parameters, (await client.getParameters()).parameters, "parameters");
}

/**
 * Who signs: the key that `--as` names, else a development key, of which it says so. Throws `usage.as` where there is
 * neither.
 */
export async function chooseAccount(
  session: Session,
  { devKeys }: Chain,
  named: string | undefined,
  pickDevAccount: (keys: DevKeys) => Account,
): Promise<Account> {
  if (named !== undefined) return openAccount(session, devKeys, named);
  if (devKeys === undefined)
    throw new LhgError(
      "usage.as",
      "name the key to sign with; this is no development chain of the data folder",
      "--as",
    );
  const account = pickDevAccount(devKeys);
  session.output.note(`Signing as ${account.name}, a development key.`);
  return account;
}

export type Wait = "committed" | "provable";

const WAIT_MS_MAX = 60_000;

export interface Settled {
  readonly id: string;
  readonly height: number;
  readonly status: string;
}

/** Throws the refusal, or `statement.waiting` where nothing became of it within a minute. */
export async function waitFor(
  { client }: { readonly client: Pick<Client, "waitFor"> },
  id: string,
  until: Wait,
): Promise<Settled> {
  const found: StatementState & { readonly waitingFor?: Refusal } = await client.waitFor(id, {
    until,
    timeoutMs: WAIT_MS_MAX,
  });
  if (found.state === "committed" || found.state === "provable")
    return { id, height: found.height, status: found.status };
  if (found.state === "refused") throw refusalOf(found);
  const { waitingFor } = found;
  if (waitingFor !== undefined)
    throw new LhgError("statement.waiting", `waits: ${stripField(waitingFor)} (${waitingFor.code})`, id);
  throw new LhgError("statement.waiting", `nothing became of ${id} within ${WAIT_MS_MAX / 1000} s`, "id");
}

/** A refusal by the node as an error. */
function refusalOf(refusal: Refusal): LhgError {
  return new LhgError(refusal.code, stripField(refusal), refusal.field);
}

/** Rejects with the refusal where the node does not take the statement. */
export async function submit({ client }: Chain, bytes: Uint8Array): Promise<string> {
  const result = await client.submit(bytes);
  if (result.state !== "accepted") throw refusalOf(result);
  return result.id;
}

/** Sends messages as an account and waits. Throws the name of the status where they had no effect. */
export async function sendMessages(
  chain: Chain,
  account: Account,
  messages: readonly Message[],
  until: Wait = "committed",
): Promise<Settled> {
  const address = toHex(account.address);
  let balance = 0n;
  const sender = createAccountSender({
    chainId: chain.chainId,
    signer: account.signer,
    sender: account.address,
    parameters: await getParameters(chain),
    nowMs: Date.now,
    fetchNonce: async () => {
      const found = await chain.client.getAccount(address);
      balance = BigInt(found.balance);
      return found.nonce;
    },
    submit: async ({ bytes, feeLimit }) => {
      // The node would let it wait for a deposit.
      if (balance < feeLimit) throw uncoveredFee(account, balance, feeLimit);
      await submit(chain, bytes);
    },
    crypto: nodeCrypto,
  });
  const { id } = await sender.send(messages);
  return requireOk(chain, await waitFor(chain, toHex(id), until));
}

function uncoveredFee({ name }: Account, balance: bigint, feeLimit: bigint): LhgError {
  const text = `has ${formatAmount(balance)}, and the fee may be ${formatAmount(feeLimit)}`;
  return new LhgError("transaction.fee-uncovered", text, name);
}

/** Throws what a statement failed with, in the node's words. */
export async function requireOk({ client }: Chain, settled: Settled): Promise<Settled> {
  if (settled.status === "ok") return settled;
  const { failure } = await client.getStatement(settled.id);
  const reason = failure === undefined ? "" : `: ${stripField(failure)}`;
  const message = `recorded in block ${settled.height} without effect${reason}`;
  throw new LhgError(settled.status, message, failure?.field ?? settled.id);
}

/** A node's message may begin with the field already. */
function stripField({ field, message }: Pick<Refusal, "field" | "message">): string {
  const prefix = `${field}: `;
  return message.startsWith(prefix) ? message.slice(prefix.length) : message;
}

/** An id as people paste it. Throws `usage.id`. */
export function parseStatementId(text: string): Uint8Array {
  if (!/^[0-9a-fA-F]{64}$/.test(text)) throw new LhgError("usage.id", "must be 64 hexadecimal digits", "ID");
  return fromHex(text);
}
