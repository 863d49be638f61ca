/** What there is to see, for people, tests and pages: written once the story is on the chain. */
import { join } from "node:path";
import type { Accounts } from "./accounts.ts";
import { writeJsonFile } from "./durable-file.ts";
import { deviceUrn, FLEET } from "./fleet.ts";
import type { Story } from "./story/story.ts";
import { VENDOR_IDS, VENDORS } from "./vendors.ts";

const FACTS_FILE = "world-facts.json";

export interface Facts {
  readonly isStoryComplete: true;
  readonly chainId: string;
  /** Sold, and of no bad lot. */
  readonly goodPhone: string;
  /** Sold in Berlin; somebody in Melbourne has one with the same serial. */
  readonly clonedPhone: string;
  readonly badLot: string;
  /** All phones, and none but those, that have capacitors of the bad lot. */
  readonly recalledPhones: readonly string[];
  readonly phones: readonly string[];
  readonly pallet: string;
  readonly oreLot: string;
  readonly ingotLot: string;
  readonly forged: {
    readonly phone: string;
    /** The capture that the chain recorded as failed. */
    readonly capture: string;
    readonly status: string;
    /** Code with which the node refused a capture with a bent signature. */
    readonly refusedCode: string;
  };
  readonly vendors: readonly { readonly name: string; readonly address: string; readonly prefix: string }[];
  readonly devices: readonly {
    readonly name: string;
    readonly address: string;
    readonly vendor: string;
    /** Its name in readings, and as `deviceID` in events. */
    readonly urn: string;
  }[];
}

export function collectFacts(
  chainId: string,
  { run, cast }: Story,
  accounts: Accounts,
  forged: Omit<Facts["forged"], "phone">,
): Facts {
  return {
    isStoryComplete: true,
    chainId,
    goodPhone: cast.goodPhone,
    clonedPhone: cast.clonedPhone,
    badLot: cast.badLot,
    recalledPhones: cast.recalledPhones,
    phones: run.batches.flatMap(({ phones }) => phones),
    pallet: run.pallets[0]!.id,
    oreLot: run.oreLots[0]!,
    ingotLot: run.powders[0]!,
    forged: { phone: cast.forgedPhone, ...forged },
    vendors: VENDOR_IDS.map((id) => ({
      name: VENDORS[id].name,
      address: accounts.vendors[id].hex,
      prefix: VENDORS[id].prefix,
    })),
    devices: FLEET.map(({ name, vendor }) => {
      const address = accounts.devices.get(name)!.hex;
      return { name, address, vendor: VENDORS[vendor].name, urn: deviceUrn(address) };
    }),
  };
}

export async function writeFacts(folder: string, facts: Facts): Promise<void> {
  await writeJsonFile(join(folder, FACTS_FILE), facts, 0o644);
}
