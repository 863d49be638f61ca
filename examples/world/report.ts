/** What the world says on the terminal. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Facts } from "./facts.ts";

export function describeFacts(url: string, facts: Facts): string[] {
  const item = (id: string): string => `${url}/console/items?id=${encodeURIComponent(id)}`;
  const rows: readonly (readonly [what: string, where: string])[] = [
    ["a good phone", item(facts.goodPhone)],
    ["a cloned phone", item(facts.clonedPhone)],
    ["a bad lot", `${url}/console/recall?id=${encodeURIComponent(facts.badLot)}`],
    ["a pallet", item(facts.pallet)],
    ["the ore", item(facts.oreLot)],
    ["a forgery", `${url}/console/statements/${facts.forged.capture}`],
  ];
  const width = Math.max(...rows.map(([what]) => what.length));
  return [
    "The sample world is told, and lives on. Look at:",
    ...rows.map(([what, where]) => `  ${what.padEnd(width)}  ${where}`),
    `The recall finds ${facts.recalledPhones.length} of ${facts.phones.length} phones. The forged event failed: ${facts.forged.status}.`,
    `A bent signature was refused at the door: ${facts.forged.refusedCode}.`,
  ];
}

export function describeError(error: unknown): string {
  return error instanceof LhgError ? `${error.message} (${error.code})` : String(error);
}
