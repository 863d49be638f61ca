/** What the browser's own pin makes a verifier trust, and what a proof that holds adds to the pin. */

import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { decode } from "@lhg/protocol/core/codec/definition";
import { genesis as genesisCodec } from "@lhg/protocol/core/genesis";
import { type Anchor, readLightHeader, type Trust } from "@lhg/protocol/core/proof/anchor";
import { TRUST_LENGTH_MS_DEFAULT, trustFromGenesis } from "@lhg/sdk/verify/trust";
import type { Pinned, Vouched } from "./messages.ts";

/** The period counts from the newest header that was verified within it, else from genesis. */
export function readTrust({ genesis, newest, nowMs }: Pinned): Trust {
  const lengthMs = TRUST_LENGTH_MS_DEFAULT;
  const trust = trustFromGenesis(decode(genesisCodec, genesis, "genesis"), { lengthMs, nowMs });
  if (newest === undefined) return trust;
  return {
    ...trust,
    validatorsHash: fromHex(newest.validatorsHash),
    period: { pinnedAtMs: newest.timeMs, lengthMs, nowMs },
  };
}

/** Of the anchor of a proof that was found to hold; undefined outside the period: who signed it may have been anybody. */
export function readVouched(
  { isWithinTrust }: { readonly isWithinTrust: boolean },
  { header }: Pick<Anchor, "header">,
): Vouched | undefined {
  if (!isWithinTrust) return undefined;
  const { validatorsHash, timeMs } = readLightHeader(header);
  return { validatorsHash: toHex(validatorsHash), timeMs };
}
