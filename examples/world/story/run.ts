/** A production run: which lots, boards, phones and packages there are. The same for the same number, at every start. */
import { logisticUnitOf, lotOf, serialOf } from "../identifiers.ts";
import type { ShopId } from "../places.ts";
import { createRandom, shuffle } from "../random.ts";

export const PRODUCTS = { ore: 1, powder: 1, capacitor: 1, board: 2, phone: 1 } as const;

export interface Bag {
  readonly id: string;
  readonly lot: string;
}

export interface Batch {
  /** The capacitors that are in its boards. */
  readonly capacitors: string;
  readonly boards: readonly string[];
  readonly phones: readonly string[];
}

export interface Carton {
  readonly id: string;
  readonly phones: readonly string[];
}

export interface Pallet {
  readonly id: string;
  readonly shop: ShopId;
  readonly cartons: readonly Carton[];
}

export interface Run {
  readonly number: number;
  /** Names its papers: despatch advices, orders. */
  readonly code: string;
  readonly oreLots: readonly string[];
  readonly bags: readonly Bag[];
  readonly orePallet: string;
  /** One of each ore lot. */
  readonly powders: readonly string[];
  readonly capacitors: readonly { readonly lot: string; readonly powder: string }[];
  readonly reelBox: string;
  readonly batches: readonly Batch[];
  readonly pallets: readonly Pallet[];
}

export const BAG_KG = 50;
export const POWDER_KG_PER_BAG = 22;
export const POWDER_KG_PER_REEL = 4;
export const CAPACITORS_PER_REEL = 2_000;
export const CAPACITORS_PER_BOARD = 38;

interface RunSize {
  readonly oreLots: number;
  readonly bagsPerLot: number;
  readonly capacitorLotsPerPowder: number;
  readonly phonesPerBatch: number;
  readonly phonesPerCarton: number;
  readonly cartonsPerPallet: number;
}

const STORY: RunSize = {
  oreLots: 2,
  bagsPerLot: 4,
  capacitorLotsPerPowder: 2,
  phonesPerBatch: 6,
  phonesPerCarton: 6,
  cartonsPerPallet: 2,
};
const LATER: RunSize = {
  oreLots: 1,
  bagsPerLot: 2,
  capacitorLotsPerPowder: 1,
  phonesPerBatch: 3,
  phonesPerCarton: 3,
  cartonsPerPallet: 1,
};

const SHOPS: readonly ShopId[] = ["berlin", "copenhagen", "hamburg"];
/** Packages that one run may number. */
const UNITS_PER_RUN = 1_000;

/** Run 0 is the story that is told at the first start; the others follow for as long as the world lives. */
export function planRun(number: number): Run {
  const size = number === 0 ? STORY : LATER;
  const code = String(number).padStart(5, "0");
  const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const unit = (vendor: Parameters<typeof logisticUnitOf>[0], at: number): string =>
    logisticUnitOf(vendor, number * UNITS_PER_RUN + at);
  const oreLots = range(size.oreLots).map((i) => lotOf("mine", PRODUCTS.ore, `KR${code}-${i + 1}`));
  const powders = range(size.oreLots).map((i) => lotOf("smelter", PRODUCTS.powder, `TA${code}-${i + 1}`));
  const capacitors = powders.flatMap((powder, p) =>
    range(size.capacitorLotsPerPowder).map((i) => ({
      powder,
      lot: lotOf(
        "components",
        PRODUCTS.capacitor,
        `HC${code}-${"ABCDEFGH"[p * size.capacitorLotsPerPowder + i]}`,
      ),
    })),
  );
  const batches = capacitors.map(({ lot }, b) => {
    const serials = range(size.phonesPerBatch).map((i) => `${code}${b * size.phonesPerBatch + i + 101}`);
    return {
      capacitors: lot,
      boards: serials.map((serial) => serialOf("phones", PRODUCTS.board, `B${serial}`)),
      phones: serials.map((serial) => serialOf("phones", PRODUCTS.phone, `A${serial}`)),
    };
  });
  return {
    number,
    code,
    oreLots,
    bags: oreLots.flatMap((lot, l) =>
      range(size.bagsPerLot).map((i) => ({ id: unit("mine", l * size.bagsPerLot + i + 1), lot })),
    ),
    orePallet: unit("mine", 100),
    powders,
    capacitors,
    reelBox: unit("components", 1),
    batches,
    pallets: packPhones(number, size, batches, (at) => unit("phones", at)),
  };
}

/** Phones leave the line in any order, so that no carton holds one batch alone. */
function packPhones(
  number: number,
  size: RunSize,
  batches: readonly Batch[],
  unit: (at: number) => string,
): Pallet[] {
  const phones = shuffle(
    batches.flatMap((batch) => batch.phones),
    createRandom(number, 1),
  );
  const cartons: Carton[] = [];
  for (let at = 0; at < phones.length; at += size.phonesPerCarton)
    cartons.push({ id: unit(cartons.length + 1), phones: phones.slice(at, at + size.phonesPerCarton) });
  const pallets: Pallet[] = [];
  for (let at = 0; at < cartons.length; at += size.cartonsPerPallet)
    pallets.push({
      id: unit(500 + pallets.length),
      shop: SHOPS[(number + pallets.length) % SHOPS.length]!,
      cartons: cartons.slice(at, at + size.cartonsPerPallet),
    });
  return pallets;
}
