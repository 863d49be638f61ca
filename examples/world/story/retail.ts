/** Pallets travel to the shops, are taken apart there, and phones are sold. */
import { handOver, observe, temperatureReport, unpack } from "../documents.ts";
import { PLACES } from "../places.ts";
import { palletDelivery } from "./phones.ts";
import type { Pallet, Run } from "./run.ts";
import type { Step } from "./step.ts";

export const PHONE_LOGGER = "phone-truck";

export function carryPhones(run: Run): Step[] {
  const things = run.pallets.map(({ id }) => id);
  return [
    {
      captor: "logistics",
      title: "the carrier takes the pallets over",
      hours: 716,
      events: ({ at }) => [
        observe(
          { things },
          {
            timeMs: at(0),
            place: PLACES.turku,
            step: "receiving",
            disposition: "in_progress",
            more: palletDelivery(run),
          },
        ),
      ],
    },
    {
      captor: "logistics",
      title: "the pallets are at sea, with a logger in the truck",
      hours: 730,
      events: ({ at, deviceId, temperature }) => [
        observe(
          { things },
          {
            timeMs: at(0),
            place: PLACES.baltic,
            step: "transporting",
            disposition: "in_transit",
            more: temperatureReport(deviceId(PHONE_LOGGER), at(0), temperature(PHONE_LOGGER, at(0))),
          },
        ),
      ],
    },
    ...run.pallets.map(
      (pallet, i): Step => ({
        captor: "logistics",
        title: "a pallet is handed to a shop",
        hours: 760 + i,
        events: ({ at }) => [
          observe(
            { things: [pallet.id] },
            {
              timeMs: at(0),
              place: PLACES[pallet.shop],
              step: "departing",
              disposition: "in_transit",
              more: shopDelivery(run, i),
            },
          ),
        ],
      }),
    ),
  ];
}

function shopDelivery({ code }: Run, pallet: number): Record<string, unknown> {
  return handOver({ from: "logistics", to: "shop", advice: `SRL-${code}-${pallet + 2}` });
}

export function unpackAtShops(run: Run): Step[] {
  return run.pallets.map((pallet, i) => ({
    captor: "shop",
    title: "a shop receives and unpacks",
    hours: 764 + i,
    events: ({ at }) => {
      const unpacking = { place: PLACES[pallet.shop], step: "unpacking", disposition: "sellable_accessible" };
      return [
        observe(
          { things: [pallet.id] },
          {
            timeMs: at(0),
            place: PLACES[pallet.shop],
            step: "receiving",
            disposition: "in_progress",
            more: shopDelivery(run, i),
          },
        ),
        unpack(pallet.id, {}, { ...unpacking, timeMs: at(1) }),
        ...pallet.cartons.map(({ id, phones }, c) =>
          unpack(id, { things: phones }, { ...unpacking, timeMs: at(c + 2) }),
        ),
      ];
    },
  }));
}

export function phonesOn({ cartons }: Pallet): string[] {
  return cartons.flatMap(({ phones }) => phones);
}

export function sell(phone: string, { shop }: Pallet, hours: number): Step {
  return {
    captor: "shop",
    title: "a phone is sold",
    hours,
    events: ({ at }) => [
      observe(
        { things: [phone] },
        { timeMs: at(0), place: PLACES[shop], step: "retail_selling", disposition: "retail_sold" },
      ),
    ],
  };
}
