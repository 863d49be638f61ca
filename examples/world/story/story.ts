/** The stages in their order: told at the first start, and lived again and again afterwards. */

import { makeComponents } from "./components.ts";
import { type Cast, castStory, forgePhone, recallLot, showClone } from "./incidents.ts";
import { carryOre, mineOre } from "./mining.ts";
import { makePhones } from "./phones.ts";
import { carryPhones, phonesOn, sell, unpackAtShops } from "./retail.ts";
import { planRun, type Run } from "./run.ts";
import { smeltOre } from "./smelting.ts";
import type { Step } from "./step.ts";

/** From the ore to the shelf. */
function produce(run: Run): Step[] {
  return [
    ...mineOre(run),
    ...carryOre(run),
    ...smeltOre(run),
    ...makeComponents(run),
    ...makePhones(run),
    ...carryPhones(run),
    ...unpackAtShops(run),
  ];
}

/** Every phone that the shops have sold at once, one after the other. */
const FIRST_SALE_HOURS = 790;
/** How long before the start the ore was dug. */
export const STORY_HOURS = 930;

export interface Story {
  readonly run: Run;
  readonly cast: Cast;
  readonly steps: readonly Step[];
}

export function tellStory(): Story {
  const run = planRun(0);
  const cast = castStory(run);
  const sales = cast.soldPhones.map((phone, i) => {
    const pallet = run.pallets.find((candidate) => phonesOn(candidate).includes(phone))!;
    return sell(phone, pallet, FIRST_SALE_HOURS + 3 * i);
  });
  const cloneSoldHours = FIRST_SALE_HOURS + 3 * cast.soldPhones.indexOf(cast.clonedPhone);
  return {
    run,
    cast,
    steps: [
      ...produce(run),
      ...sales,
      showClone(cast, cloneSoldHours),
      forgePhone(cast),
      ...recallLot(run, cast),
    ],
  };
}

/** The steps of a later run: everything again, in small, with other lots and serials. */
export function continueStory(number: number): readonly Step[] {
  const run = planRun(number);
  const sales = run.pallets.flatMap((pallet) => phonesOn(pallet).map((phone) => sell(phone, pallet, 0)));
  return [...produce(run), ...sales];
}
