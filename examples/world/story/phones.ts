/** Capacitors become boards, boards go into phones, phones into cartons and onto pallets. */
import {
  associate,
  commission,
  handOver,
  named,
  observe,
  pack,
  pieces,
  transform,
  unpack,
} from "../documents.ts";
import { PLACES } from "../places.ts";
import { reelDelivery, reels } from "./components.ts";
import { CAPACITORS_PER_BOARD, type Pallet, type Run } from "./run.ts";
import type { Step } from "./step.ts";

const place = PLACES.phones;

export function palletDelivery({ code }: Run): Record<string, unknown> {
  return handOver({ from: "phones", to: "logistics", buyer: "shop", advice: `AP-${code}` });
}

export function makePhones(run: Run): Step[] {
  const received: Step = {
    captor: "phones",
    title: "reels arrive at the phone maker",
    hours: 640,
    events: ({ at }) => [
      observe(
        { things: [run.reelBox], lots: reels(run) },
        { timeMs: at(0), place, step: "receiving", disposition: "in_progress", more: reelDelivery(run) },
      ),
      unpack(run.reelBox, { lots: reels(run) }, { timeMs: at(1), place, step: "unpacking" }),
    ],
  };
  return [received, ...run.batches.map((_, i) => assembleBatch(run, i)), packPhones(run), shipPhones(run)];
}

function assembleBatch(run: Run, number: number): Step {
  const { capacitors, boards, phones } = run.batches[number]!;
  return {
    captor: "phones",
    title: `${phones.length} phones are assembled`,
    hours: 660 + 8 * number,
    events: ({ at }) => {
      const assembling = { place, step: "assembling" };
      return [
        transform(
          `urn:epcglobal:cbv:bt:${place.location.slice(-13)}:boards-${run.code}-${number + 1}`,
          {
            inputs: { lots: [pieces(capacitors, CAPACITORS_PER_BOARD * boards.length)] },
            outputs: { things: boards },
          },
          { ...assembling, timeMs: at(0) },
        ),
        commission(
          { things: phones },
          {
            timeMs: at(1),
            place,
            step: "commissioning",
            disposition: "active",
            more: named("Aurora One phone, 128 GB"),
          },
        ),
        ...phones.map((phone, i) => associate(phone, [boards[i]!], { ...assembling, timeMs: at(i + 2) })),
      ];
    },
  };
}

function packPhones({ pallets }: Run): Step {
  const cartons = pallets.flatMap((pallet) => pallet.cartons);
  return {
    captor: "phones",
    title: "phones are packed into cartons, cartons onto pallets",
    hours: 700,
    events: ({ at }) => {
      const packing = { place, step: "packing", disposition: "container_closed" };
      return [
        commission(
          { things: [...cartons, ...pallets].map(({ id }) => id) },
          { timeMs: at(0), place, step: "commissioning", disposition: "active" },
        ),
        ...cartons.map(({ id, phones }, i) =>
          pack(id, { things: phones }, { ...packing, timeMs: at(i + 1) }),
        ),
        ...pallets.map((pallet, i) =>
          pack(pallet.id, { things: cartonsOf(pallet) }, { ...packing, timeMs: at(cartons.length + i + 1) }),
        ),
      ];
    },
  };
}

function cartonsOf({ cartons }: Pallet): string[] {
  return cartons.map(({ id }) => id);
}

function shipPhones(run: Run): Step {
  return {
    captor: "phones",
    title: "pallets leave the phone maker",
    hours: 712,
    events: ({ at }) => [
      observe(
        { things: run.pallets.map(({ id }) => id) },
        {
          timeMs: at(0),
          place,
          step: "shipping",
          disposition: "in_transit",
          more: palletDelivery(run),
        },
      ),
    ],
  };
}
