/** Ore becomes tantalum powder: received, unpacked, transformed, sold on. */
import { handOver, kilograms, named, observe, type Quantity, transform, unpack } from "../documents.ts";
import { PLACES } from "../places.ts";
import { oreQuantities } from "./mining.ts";
import { BAG_KG, POWDER_KG_PER_BAG, type Run } from "./run.ts";
import type { Step } from "./step.ts";

export function powderQuantities({ powders, bags, oreLots }: Run): Quantity[] {
  return powders.map((powder, i) =>
    kilograms(powder, POWDER_KG_PER_BAG * bags.filter(({ lot }) => lot === oreLots[i]).length),
  );
}

export function smeltOre(run: Run): Step[] {
  const place = PLACES.smelter;
  const ore = oreQuantities(run);
  const powder = powderQuantities(run);
  return [
    {
      captor: "smelter",
      title: "the smelter receives the ore and opens pallet and bags",
      hours: 402,
      events: ({ at }) => [
        observe(
          { things: [run.orePallet], lots: ore },
          {
            timeMs: at(0),
            place,
            step: "receiving",
            disposition: "in_progress",
            more: handOver({ from: "logistics", to: "smelter", advice: `SRL-${run.code}-1` }),
          },
        ),
        unpack(run.orePallet, {}, { timeMs: at(1), place, step: "unpacking" }),
        ...run.bags.map(({ id, lot }, i) =>
          unpack(id, { lots: [kilograms(lot, BAG_KG)] }, { timeMs: at(i + 2), place, step: "unpacking" }),
        ),
      ],
    },
    {
      captor: "smelter",
      title: "ore becomes tantalum powder",
      hours: 430,
      // Charged and tapped hours apart: two events of one transformation.
      events: ({ at }) =>
        ore.flatMap((lot, i) => {
          const id = `urn:epcglobal:cbv:bt:${place.location.slice(-13)}:melt-${run.code}-${i + 1}`;
          const charged = { timeMs: at(2 * i), place, step: "creating_class_instance" };
          const tapped = {
            ...charged,
            timeMs: at(2 * i + 1),
            disposition: "conformant",
            more: named("Tantalum powder"),
          };
          return [
            transform(id, { inputs: { lots: [lot] } }, charged),
            transform(id, { outputs: { lots: [powder[i]!] } }, tapped),
          ];
        }),
    },
    {
      captor: "smelter",
      title: "powder goes to the component maker",
      hours: 450,
      events: ({ at }) => [
        observe(
          { lots: powder },
          {
            timeMs: at(0),
            place,
            step: "shipping",
            disposition: "in_transit",
            more: handOver({ from: "smelter", to: "components", advice: `BS-${run.code}` }),
          },
        ),
      ],
    },
  ];
}
