/** docs/spec/formats.md says the numbers and names of the code: its registries cannot go stale. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import {
  DEFAULT_PARAMETERS,
  findUnsoundParameter,
  type ParameterName,
} from "../../packages/protocol/src/core/parameters.ts";
import { STATUS } from "../../packages/protocol/src/core/status.ts";
import { message } from "../../packages/protocol/src/ledger.ts";
import { attestationMessages } from "../../packages/protocol/src/modules/attestation/messages.ts";
import { chainMessages } from "../../packages/protocol/src/modules/chain/messages.ts";
import { collectionMessages } from "../../packages/protocol/src/modules/collection/messages.ts";
import { commandMessages } from "../../packages/protocol/src/modules/command/messages.ts";
import { groupsMessages } from "../../packages/protocol/src/modules/groups/messages.ts";
import { identityMessages } from "../../packages/protocol/src/modules/identity/messages.ts";
import { tokenMessages } from "../../packages/protocol/src/modules/token/messages.ts";
import { FLAGS, ROLES } from "../../packages/protocol/src/modules/trace/messages.ts";
import { validatorsMessages } from "../../packages/protocol/src/modules/validators/messages.ts";
import { findFiles } from "../run-test-files.ts";

const ROOT = new URL("../../", import.meta.url);
const readText = (path: string): string => readFileSync(new URL(path, ROOT), "utf8");

const formats = readText("docs/spec/formats.md");
const sources = findFiles(["packages/protocol/src/**/*.ts"])
  .filter((path) => !path.endsWith("test.ts") && !path.endsWith("testing.ts"))
  .map(readText)
  .join("\n");

/** The text from a heading to the next one of its level or above. */
function readSection(heading: string): string {
  const start = formats.indexOf(`\n${heading}`);
  assert.notEqual(start, -1, `no heading "${heading}"`);
  const level = heading.indexOf(" ");
  const rest = formats.slice(start + 1 + heading.length);
  const end = rest.search(new RegExp(`^#{2,${level}} `, "m"));
  return end < 0 ? rest : rest.slice(0, end);
}

/** Cells of the rows of all tables in a text, heads and rules left out. */
function readRows(section: string): string[][] {
  const lines = section.split("\n");
  return lines
    .filter((line, i) => line.startsWith("|") && !line.startsWith("| -") && !lines[i + 1]?.startsWith("| -"))
    .map((line) => line.split(/(?<!\\)\|/).slice(1, -1))
    .map((cells) => cells.map((cell) => cell.trim().replaceAll("`", "")));
}

test("statuses", () => {
  const told = readRows(readSection("### Statuses")).flatMap((cells) =>
    [0, 2, 4].filter((at) => cells[at] !== "").map((at) => [cells[at + 1], Number(cells[at])]),
  );
  assert.deepEqual(Object.fromEntries(told), { ...STATUS });
});

test("parameters, in order, with types and defaults", () => {
  const told = readRows(readSection("### Parameters")).map(([name, type, value]) => [name, type, value]);
  const held = Object.entries(DEFAULT_PARAMETERS).map(([name, value]) => [
    name,
    typeof value === "bigint" ? "u64" : "uint",
    `${value}`,
  ]);
  assert.deepEqual(told, held);
});

test("bounds of parameters: told ones are the last that are sound", () => {
  const readNumber = (cell: string): bigint => {
    const [base, power = "1"] = cell.split("^");
    return BigInt(base!) ** BigInt(power);
  };
  for (const [name, , , least, most] of readRows(readSection("### Parameters"))) {
    const held = DEFAULT_PARAMETERS[name as ParameterName];
    const judge = (value: bigint) =>
      findUnsoundParameter({
        ...DEFAULT_PARAMETERS,
        [name!]: typeof held === "bigint" ? value : Number(value),
      });
    const [low, high] = [readNumber(least!), readNumber(most!)];
    assert.deepEqual([low - 1n, low, high, high + 1n].map(judge), [name, undefined, undefined, name], name);
  }
});

/** Names of the fields of `[a: T, b: [c: U]]`, the inner ones left out. */
function topFields(body: string): string[] {
  let depth = 0;
  const out: string[] = [];
  for (const [token, name] of body.matchAll(/[[(]|[\])]|(\w+): /g)) {
    if (name !== undefined && depth === 1) out.push(name);
    else if (token === "[" || token === "(") depth++;
    else if (token === "]" || token === ")") depth--;
  }
  return out;
}

test("messages: numbers, and the fields of their bodies in order", () => {
  const told = [...formats.matchAll(/^#### `([a-z.-]+)` `\[(\d+), (\d+)\]`\n\nBody: `(.*)`$/gm)].map(
    ([, type, module, number, body]) => [type, Number(module), Number(number), ...topFields(body!)],
  );
  const definitions = {
    ...tokenMessages,
    ...validatorsMessages,
    ...identityMessages,
    ...groupsMessages,
    ...collectionMessages,
    ...chainMessages,
    ...attestationMessages,
    ...commandMessages,
  };
  const held = Object.entries(definitions).map(([type, { tag, codec }]) => [
    type,
    ...tag,
    ...Object.keys((codec.schema as { properties: object }).properties),
  ]);
  assert.deepEqual(told, held);
  assert.equal(held.length, (message.schema.oneOf as unknown[]).length);
});

const MODULES: Readonly<Record<string, number>> = {
  CORE_MODULE: 0,
  TOKEN_MODULE: 1,
  VALIDATORS_MODULE: 2,
  IDENTITY_MODULE: 3,
  GROUPS_MODULE: 4,
  COLLECTION_MODULE: 5,
  TRACE_MODULE: 6,
  CHAIN_MODULE: 8,
  ATTESTATION_MODULE: 9,
  COMMAND_MODULE: 10,
};

test("tables of the state: numbers of modules and kinds", () => {
  const defined = [...sources.matchAll(/defineTable<[^(]*>\(\s*"([^"]+)",\s*(\w+),\s*(\d+),/g)].map(
    ([, name, module, kind]) => `${name} ${MODULES[module!]}, ${kind}`,
  );
  const told = readRows(readSection("## 14. State"))
    .filter((cells) => cells.length === 5)
    .map(([name, number]) => `${name} ${number}`);
  assert.deepEqual(told.sort(), defined.sort());
  for (const [, name, number] of sources.matchAll(/export const (\w+_MODULE) = (\d+);/g))
    assert.equal(MODULES[name!], Number(number), name);
});

test("codes of admissibility", () => {
  const thrown = sources.matchAll(/(?:\b(?:refuse|postpone)|new Inadmissible)\(\s*"([a-z.-]+)"/g);
  const told = readRows(readSection("## 11. Admissibility")).flatMap(([codes]) =>
    [...codes!.matchAll(/[a-z]+\.[a-z-]+/g)].map(([code]) => code),
  );
  assert.deepEqual([...new Set(told)].sort(), [...new Set([...thrown].map(([, code]) => code))].sort());
});

test("notices: numbers of modules and kinds", () => {
  const told = readRows(readSection("## 17. Outcomes and notices")).map(([number]) => number!);
  const emitted = findFiles(["packages/protocol/src/{execute-block.ts,modules/*/*.ts}"]).flatMap((path) => {
    const folder = /modules\/(\w+)\//.exec(path)?.[1] ?? "core";
    return [...readText(path).matchAll(/const NOTICE_\w+ = (\d+);/g)].map(
      ([, kind]) => `${MODULES[`${folder.toUpperCase()}_MODULE`]}, ${kind}`,
    );
  });
  assert.deepEqual(told.sort(), emitted.sort());
});

test("roles and flags of traces", () => {
  const rows = readRows(readSection("### Records"));
  const numbers = (names: object): Record<string, number> =>
    Object.fromEntries(
      rows.filter(([name]) => Object.hasOwn(names, name!)).map(([name, number]) => [name, Number(number)]),
    );
  const bits = Object.fromEntries(Object.entries(FLAGS).map(([name, flag]) => [name, 31 - Math.clz32(flag)]));
  const { correction: roleNumber, ...roles } = ROLES;
  const { correction: _, ...flags } = bits;
  assert.deepEqual(numbers(roles), roles);
  assert.deepEqual(numbers(flags), flags);
  // One name stands in both tables.
  assert.deepEqual(
    rows.filter(([name]) => name === "correction").map(([, number]) => Number(number)),
    [roleNumber, bits.correction],
  );
});
