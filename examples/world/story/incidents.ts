/** What goes wrong: a bad lot is recalled, a serial is cloned, a stranger forges. */
import { commission, observe, pieces } from "../documents.ts";
import { serialOf } from "../identifiers.ts";
import { PLACES } from "../places.ts";
import { phonesOn } from "./retail.ts";
import { CAPACITORS_PER_REEL, PRODUCTS, type Run } from "./run.ts";
import type { Step } from "./step.ts";

/** Which lot of the told run turns out bad. */
const BAD_BATCH = 2;

export interface Cast {
  readonly badLot: string;
  readonly recalledPhones: readonly string[];
  /** Sold, and of another lot. */
  readonly goodPhone: string;
  /** Sold in Berlin, and seen in Melbourne. */
  readonly clonedPhone: string;
  readonly soldPhones: readonly string[];
  /** Of the stranger's making, under Aurora's number. */
  readonly forgedPhone: string;
}

const SOLD_PER_PALLET = 5;

/** Who plays which part in the told run. */
export function castStory({ batches, pallets }: Run): Cast {
  const bad = batches[BAD_BATCH]!;
  const sold = pallets.map((pallet) => phonesOn(pallet).slice(0, SOLD_PER_PALLET));
  const [first = []] = sold;
  const good = first.filter((phone) => !bad.phones.includes(phone));
  return {
    badLot: bad.capacitors,
    recalledPhones: bad.phones,
    goodPhone: good[0]!,
    clonedPhone: good[1]!,
    soldPhones: sold.flat(),
    forgedPhone: serialOf("phones", PRODUCTS.phone, "A99999999"),
  };
}

/** The maker finds a lot faulty; the shop takes what it has of it off its shelves. */
export function recallLot({ pallets }: Run, { badLot, recalledPhones, soldPhones }: Cast): Step[] {
  const found: Step = {
    captor: "components",
    title: "a lot of capacitors fails a test and is recalled",
    hours: 900,
    events: ({ at }) => [
      observe(
        { lots: [pieces(badLot, CAPACITORS_PER_REEL)] },
        { timeMs: at(0), place: PLACES.components, step: "inspecting", disposition: "recalled" },
      ),
    ],
  };
  const held = pallets.flatMap((pallet, i): Step[] => {
    const things = phonesOn(pallet).filter(
      (phone) => recalledPhones.includes(phone) && !soldPhones.includes(phone),
    );
    if (things.length === 0) return [];
    const at = { place: PLACES[pallet.shop], step: "holding", disposition: "non_sellable_other" };
    return [
      {
        captor: "shop",
        title: "a shop takes recalled phones off its shelves",
        hours: 910 + i,
        events: (clock) => [observe({ things }, { ...at, timeMs: clock.at(0) })],
      },
    ];
  });
  return [found, ...held];
}

/** Forty minutes after its sale in Berlin a serial is scanned in Melbourne: by a vendor that is not its custodian. */
export function showClone({ clonedPhone }: Cast, soldHours: number): Step {
  return {
    captor: "service",
    title: "a phone with a serial of another is brought in for repair",
    hours: soldHours + 40 / 60,
    events: ({ at }) => [
      observe(
        { things: [clonedPhone] },
        { timeMs: at(0), place: PLACES.melbourne, step: "inspecting", disposition: "unknown" },
      ),
    ],
  };
}

/** Only the holder of a prefix brings things under it into being: the chain records this one as failed. */
export function forgePhone({ forgedPhone }: Cast): Step {
  return {
    captor: "stranger",
    title: "a stranger commissions a phone under Aurora's number",
    hours: 850,
    status: "trace.prefix-not-owned",
    events: ({ at }) => [
      commission(
        { things: [forgedPhone] },
        { timeMs: at(0), place: PLACES.warehouse, step: "commissioning", disposition: "active" },
      ),
    ],
  };
}
