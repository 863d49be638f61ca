/** Ore: dug, bagged and tagged at the mine, carried to the smelter. */
import {
  certificateOf,
  commission,
  handOver,
  kilograms,
  observe,
  pack,
  type Quantity,
  temperatureReport,
} from "../documents.ts";
import { PLACES, type Place } from "../places.ts";
import { BAG_KG, type Run } from "./run.ts";
import type { Step } from "./step.ts";

export const ORE_LOGGER = "ore-container";

export function oreQuantities({ oreLots, bags }: Run): Quantity[] {
  return oreLots.map((lot) => kilograms(lot, BAG_KG * bags.filter((bag) => bag.lot === lot).length));
}

export function mineOre(run: Run): Step[] {
  const { mine } = PLACES;
  const lots = oreQuantities(run);
  const advice = `KRM-${run.code}`;
  return [
    {
      captor: "mine",
      title: "ore is weighed, its lots are opened",
      hours: 0,
      events: ({ at }) =>
        lots.map((lot, i) =>
          commission(
            { lots: [lot] },
            {
              timeMs: at(i),
              place: mine,
              step: "commissioning",
              disposition: "active",
              more: {
                certificationInfo: [certificateOf("mine", `conflict-free-${run.code}`)],
                ilmd: {
                  "cbvmda:lotNumber": lot.epcClass.split("/").at(-1),
                  "cbvmda:countryOfOrigin": "CD",
                  "cbvmda:descriptionShort": "Tantalum ore",
                },
              },
            },
          ),
        ),
    },
    {
      captor: "mine",
      title: "ore is bagged, and the bags stand on a pallet",
      hours: 6,
      events: ({ at }) => {
        const ids = run.bags.map(({ id }) => id);
        const filled = run.bags.map(({ id, lot }, i) =>
          pack(id, { lots: [kilograms(lot, BAG_KG)] }, { timeMs: at(i + 1), place: mine, step: "packing" }),
        );
        const units = { timeMs: at(0), place: mine, step: "commissioning", disposition: "active" };
        const stacked = { timeMs: at(ids.length + 1), place: mine, step: "packing" };
        return [
          commission({ things: [...ids, run.orePallet] }, units),
          ...filled,
          pack(run.orePallet, { things: ids }, { ...stacked, disposition: "container_closed" }),
        ];
      },
    },
    {
      captor: "mine",
      title: "the pallet leaves the mine",
      hours: 20,
      events: ({ at }) => [
        observe(
          { things: [run.orePallet], lots },
          {
            timeMs: at(0),
            place: mine,
            step: "shipping",
            disposition: "in_transit",
            more: handOver({ from: "mine", to: "logistics", buyer: "smelter", advice }),
          },
        ),
      ],
    },
  ];
}

export function carryOre(run: Run): Step[] {
  const lots = oreQuantities(run);
  const cargo = { things: [run.orePallet], lots };
  const papers = handOver({ from: "mine", to: "logistics", buyer: "smelter", advice: `KRM-${run.code}` });
  const delivery = handOver({ from: "logistics", to: "smelter", advice: `SRL-${run.code}-1` });
  return [
    {
      captor: "logistics",
      title: "the carrier takes the ore over",
      hours: 30,
      events: ({ at }) => [
        observe(cargo, {
          timeMs: at(0),
          place: PLACES.depot,
          step: "receiving",
          disposition: "in_progress",
          more: papers,
        }),
      ],
    },
    transportOre(run, PLACES.mombasa, 110),
    transportOre(run, PLACES.suez, 250),
    {
      captor: "logistics",
      title: "the ore is handed to the smelter",
      hours: 400,
      events: ({ at }) => [
        observe(cargo, {
          timeMs: at(0),
          place: PLACES.smelter,
          step: "departing",
          disposition: "in_transit",
          more: delivery,
        }),
      ],
    },
  ];
}

function transportOre(run: Run, place: Place, hours: number): Step {
  return {
    captor: "logistics",
    title: "the ore is on its way, with a logger in the container",
    hours,
    events: ({ at, deviceId, temperature }) => {
      const timeMs = at(0);
      const measured = temperatureReport(deviceId(ORE_LOGGER), timeMs, temperature(ORE_LOGGER, timeMs));
      return [
        observe(
          { things: [run.orePallet] },
          { timeMs, place, step: "transporting", disposition: "in_transit", more: measured },
        ),
      ];
    },
  };
}
