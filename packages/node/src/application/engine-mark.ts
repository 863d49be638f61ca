/** Which engine made the blocks of a store: it says what their hashes are over, and where their certificates stand. */
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { ENGINE_COMETBFT, ENGINE_DBFT } from "@lhg/protocol/core/proof/anchor";
import { certifiedRecord, engineRecord } from "../blocks/records.ts";
import { CERTIFIED_KEY, ENGINE_KEY } from "../blocks/store-keys.ts";
import type { Store, StoreWrite } from "../store/store.ts";

const NAMES: Readonly<Record<number, string>> = { [ENGINE_DBFT]: "dBFT", [ENGINE_COMETBFT]: "CometBFT" };

/** dBFT where nothing is said: it was the first. */
export function readEngine(store: Pick<Store, "get">): number {
  const stored = store.get(ENGINE_KEY);
  return stored === undefined ? ENGINE_DBFT : decode(engineRecord, stored, "engine");
}

/** Throws `engine.mismatch`. */
export function checkEngine(store: Pick<Store, "get">, engine: number | undefined): void {
  const held = readEngine(store);
  if (engine === undefined || engine === held) return;
  throw new LhgError(
    "engine.mismatch",
    `the data folder holds a chain of ${NAMES[held]}, not of ${NAMES[engine]}: an engine is chosen when a network begins`,
    "engine",
  );
}

export function beginEngine(engine: number | undefined): StoreWrite[] {
  if (engine === undefined || engine === ENGINE_DBFT) return [];
  return [{ key: ENGINE_KEY, value: encode(engineRecord, engine) }];
}

export function readCertifiedHeight(store: Pick<Store, "get">, engine: number, headHeight: number): number {
  if (engine === ENGINE_DBFT) return headHeight;
  const stored = store.get(CERTIFIED_KEY);
  return stored === undefined ? 0 : decode(certifiedRecord, stored, "certified");
}
