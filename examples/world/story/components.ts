/** Powder becomes capacitors, lot by lot; reels travel in one box. */
import {
  commission,
  handOver,
  kilograms,
  named,
  observe,
  pack,
  pieces,
  type Quantity,
  transform,
} from "../documents.ts";
import { PLACES } from "../places.ts";
import { CAPACITORS_PER_REEL, POWDER_KG_PER_REEL, type Run } from "./run.ts";
import { powderQuantities } from "./smelting.ts";
import type { Step } from "./step.ts";

export function reels({ capacitors }: Run): Quantity[] {
  return capacitors.map(({ lot }) => pieces(lot, CAPACITORS_PER_REEL));
}

export function reelDelivery({ code }: Run): Record<string, unknown> {
  return handOver({ from: "components", to: "phones", advice: `HC-${code}` });
}

export function makeComponents(run: Run): Step[] {
  const place = PLACES.components;
  return [
    {
      captor: "components",
      title: "powder arrives and becomes capacitors",
      hours: 520,
      events: ({ at }) => [
        observe(
          { lots: powderQuantities(run) },
          {
            timeMs: at(0),
            place,
            step: "receiving",
            disposition: "in_progress",
            more: handOver({ from: "smelter", to: "components", advice: `BS-${run.code}` }),
          },
        ),
        ...run.capacitors.map(({ lot, powder }, i) =>
          transform(
            `urn:epcglobal:cbv:bt:${place.location.slice(-13)}:press-${run.code}-${i + 1}`,
            {
              inputs: { lots: [kilograms(powder, POWDER_KG_PER_REEL)] },
              outputs: { lots: [pieces(lot, CAPACITORS_PER_REEL)] },
            },
            {
              timeMs: at(i + 1),
              place,
              step: "creating_class_instance",
              disposition: "conformant",
              more: named("Tantalum capacitor 47 µF"),
            },
          ),
        ),
      ],
    },
    {
      captor: "components",
      title: "reels are boxed and sent to the phone maker",
      hours: 560,
      events: ({ at }) => [
        commission(
          { things: [run.reelBox] },
          { timeMs: at(0), place, step: "commissioning", disposition: "active" },
        ),
        pack(run.reelBox, { lots: reels(run) }, { timeMs: at(1), place, step: "packing" }),
        observe(
          { things: [run.reelBox], lots: reels(run) },
          {
            timeMs: at(2),
            place,
            step: "shipping",
            disposition: "in_transit",
            more: reelDelivery(run),
          },
        ),
      ],
    },
  ];
}
