import type { Address } from "../account.ts";
import type { CborValue } from "../codec/cbor.ts";

/** How long before its expiry a password of a gateway may be made. */
export const GATEWAY_PASSWORD_LIFETIME_MS_MAX = 24 * 3_600_000;

/** What a device approves to be let in by a gateway of the chain under its own address: no statement, it stays with the gateway. */
export function gatewayAction(device: Address): { readonly name: string; readonly body: CborValue } {
  return { name: "gateway.connect", body: [device] };
}
