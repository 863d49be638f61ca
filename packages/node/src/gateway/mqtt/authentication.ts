/** Who may say that it is a device: whoever signed so with the key that the chain has of it. */
import { algorithmName } from "@lhg/protocol/core/account";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import type { Hasher, Verifier } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { decodeApproval, hashAction, openApproval } from "@lhg/protocol/core/statement/approval";
import { GATEWAY_PASSWORD_LIFETIME_MS_MAX, gatewayAction } from "@lhg/protocol/core/statement/gateway";

/** What the chain knows of a device. */
export interface DeviceStanding {
  /** The present one: algorithm by name, bytes in hex. */
  readonly key: { readonly alg: string; readonly bytes: string };
  readonly isRevoked: boolean;
}

export interface AuthenticatorParts {
  readonly crypto: Pick<Hasher, "sha256"> & Verifier;
  readonly chainId: string;
  /** Undefined for a device that is not registered. Rejects where the node cannot say. */
  readonly findDevice: (device: string) => Promise<DeviceStanding | undefined>;
  readonly nowMs: () => number;
}

export interface Authenticator {
  /** Undefined where the password is good, else what is wrong with it. Rejects where the node cannot say. */
  check(device: string, password: Uint8Array): Promise<string | undefined>;
}

const STANDING_LIFETIME_MS = 5_000;
const STANDINGS_MAX = 10_000;
/** Asked at once: the ledger answers others too. */
const QUESTIONS_MAX = 8;
/** After a restart all devices come at once; beyond these they are told to come again. */
const QUEUED_MAX = 5_000;

export function createAuthenticator(parts: AuthenticatorParts): Authenticator {
  const { crypto, chainId, nowMs } = parts;
  const standings = new Map<
    string,
    { readonly untilMs: number; readonly standing: DeviceStanding | undefined }
  >();
  let questions = 0;
  const queue: (() => void)[] = [];

  async function findStanding(device: string): Promise<DeviceStanding | undefined> {
    const known = standings.get(device);
    if (known !== undefined && known.untilMs > nowMs()) return known.standing;
    if (queue.length >= QUEUED_MAX)
      throw new LhgError("gateway.busy", "too many devices connect at once; try again");
    if (questions >= QUESTIONS_MAX) await new Promise<void>((resolve) => queue.push(resolve));
    else questions += 1;
    try {
      const standing = await parts.findDevice(device);
      standings.delete(device);
      standings.set(device, { untilMs: nowMs() + STANDING_LIFETIME_MS, standing });
      if (standings.size > STANDINGS_MAX) standings.delete(standings.keys().next().value!);
      return standing;
    } finally {
      // A place goes from hand to hand.
      const next = queue.shift();
      if (next === undefined) questions -= 1;
      else next();
    }
  }

  return {
    async check(device, given) {
      const bytes = readPassword(given);
      const { name, body } = gatewayAction(fromHex(device, "client id"));
      const actionHash = hashAction(crypto, chainId, name, body);
      const scope = { hasher: crypto, verifier: crypto, chainId, timeMs: nowMs() };
      // The signature first: what nobody signed for this chain and device costs the ledger no question.
      const opened = openApproval(scope, actionHash, bytes, () => true);
      if ("problem" in opened) return opened.problem;
      const { expiryMs } = decodeApproval(bytes)!.approval;
      if (expiryMs > scope.timeMs + GATEWAY_PASSWORD_LIFETIME_MS_MAX) return "expires in more than 24 hours";
      const standing = await findStanding(device);
      if (standing === undefined) return "is of a device that is not registered";
      if (standing.isRevoked) return "is of a device that was revoked";
      const { alg, bytes: signer } = opened.key;
      const isOwn = algorithmName(alg) === standing.key.alg && toHex(signer) === standing.key.bytes;
      return isOwn ? undefined : "is signed with another key than the device's";
    },
  };
}

/** Raw bytes, or hex for clients whose passwords are texts. */
function readPassword(given: Uint8Array): Uint8Array {
  const text = Buffer.from(given).toString("latin1");
  return /^(?:[0-9a-f]{2})+$/i.test(text) ? new Uint8Array(Buffer.from(text, "hex")) : given;
}
