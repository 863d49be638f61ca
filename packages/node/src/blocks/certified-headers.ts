/** Headers with what makes them final, also of blocks of which nothing else is kept. */
import { header } from "@lhg/protocol/core/block/header";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { type CertifiedHeader, certifiedHeader, ENGINE_DBFT } from "@lhg/protocol/core/proof/anchor";
import type { Store } from "../store/store.ts";
import { blockRecord } from "./records.ts";
import { blockKey, certificateKey, keptHeaderKey } from "./store-keys.ts";

/** Undefined where this node has no such header, or none any more. */
export function readCertifiedHeader(store: Pick<Store, "get">, height: number): CertifiedHeader | undefined {
  const kept = store.get(keptHeaderKey(height));
  if (kept !== undefined) return decode(certifiedHeader, kept, "header");
  const block = store.get(blockKey(height));
  const certificate = store.get(certificateKey(height));
  if (block === undefined || certificate === undefined) return undefined;
  const { header: named, validators } = decode(blockRecord, block, "block");
  return { engine: ENGINE_DBFT, header: encode(header, named, "header"), certificate, validators };
}
