/** A list as RFC 4180 has it, for spreadsheets of people who did not write it. */

/** A cell that begins so would be run as a formula. */
const FORMULA_START = /^[=+\-@\t\r]/;

export function toCsv(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, ...rows].map((row) => `${row.map(toCell).join(",")}\r\n`).join("");
}

function toCell(text: string): string {
  const isNumber = /^-?[0-9]+(?:\.[0-9]+)?$/.test(text);
  const harmless = FORMULA_START.test(text) && !isNumber ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
