/** Settings of a node from its file, and from the environment, which wins over the file. */
import { dirname, resolve } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { parse, TomlError } from "smol-toml";
import { findNearest } from "./config/nearest.ts";
import { environmentNameOf, FIELDS, pathOf, SETTINGS, type Setting } from "./config/settings.ts";
import { type NodeConfig, readConfig } from "./config.ts";

export interface ConfigSources {
  /** Named in errors; paths in the settings are relative to its folder. */
  readonly path: string;
  /** TOML. */
  readonly text: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Wins over both. */
  readonly flags?: Partial<NodeConfig>;
}

type Field = keyof NodeConfig;

/**
 * Throws `config.syntax`, `config.unknown` and `config.invalid`; the field of the error is the place where the fault was written:
 * `net/node0/lhg.toml: p2p.listen (line 12)`, or the name of the variable.
 */
export function readConfigFile({ path, text, environment, flags = {} }: ConfigSources): NodeConfig {
  const inFile = readTables(path, text);
  const inEnvironment = readEnvironment(environment);
  const given = Object.fromEntries([...inFile, ...inEnvironment, ...Object.entries(flags)]);
  const folder = dirname(path);
  for (const field of FIELDS) {
    if (SETTINGS[field].kind !== "path") continue;
    const value = given[field] ?? SETTINGS[field].byDefault;
    if (typeof value === "string" && value !== "") given[field] = resolve(folder, value);
  }
  return readConfig(given, {
    nameOf: (field) => pathOf(SETTINGS[field]),
    placeOf: (field) =>
      inEnvironment.has(field) ? environmentNameOf(SETTINGS[field]) : placeIn(path, text, SETTINGS[field]),
  });
}

const FIELD_BY_PATH: ReadonlyMap<string, Field> = new Map(
  FIELDS.map((field) => [pathOf(SETTINGS[field]), field]),
);
const SECTIONS: readonly string[] = [...new Set(FIELDS.map((field) => SETTINGS[field].section))];

function readTables(path: string, text: string): Map<Field, unknown> {
  const values = new Map<Field, unknown>();
  for (const [section, table] of Object.entries(parseToml(path, text))) {
    if (!SECTIONS.includes(section)) {
      const names = typeof table === "object" ? SECTIONS : [...FIELD_BY_PATH.keys()];
      throw new LhgError("config.unknown", describeUnknown("section", section, names), `${path}: ${section}`);
    }
    if (typeof table !== "object" || table === null || Array.isArray(table))
      throw new LhgError("config.invalid", "is a section: write it in brackets", `${path}: ${section}`);
    for (const [key, value] of Object.entries(table)) {
      const name = pathOf({ section, key });
      const field = FIELD_BY_PATH.get(name);
      if (field === undefined)
        throw new LhgError(
          "config.unknown",
          describeUnknown("setting", name, [...FIELD_BY_PATH.keys()]),
          placeIn(path, text, { section, key }),
        );
      values.set(field, value);
    }
  }
  return values;
}

function parseToml(path: string, text: string): Readonly<Record<string, unknown>> {
  try {
    return parse(text, { unsafeKeyBehaviour: "throw" });
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason = ""] = error.message.replace(/^Invalid TOML document: /, "").split("\n");
    throw new LhgError("config.syntax", `is no TOML: ${reason}`, `${path} (line ${error.line})`);
  }
}

function describeUnknown(kind: string, name: string, names: readonly string[]): string {
  return `there is no such ${kind}; the nearest is ${findNearest(name, names)}`;
}

/** An empty variable counts as none: composed environments often have such. */
function readEnvironment(environment: ConfigSources["environment"]): Map<Field, unknown> {
  const fieldByName = new Map(FIELDS.map((field) => [environmentNameOf(SETTINGS[field]), field]));
  const prefixes = SECTIONS.map((section) => environmentNameOf({ section, key: "" }));
  const values = new Map<Field, unknown>();
  for (const [name, text] of Object.entries(environment)) {
    const field = fieldByName.get(name);
    if (field === undefined) {
      if (prefixes.some((prefix) => name.startsWith(prefix)))
        throw new LhgError("config.unknown", describeUnknown("setting", name, [...fieldByName.keys()]), name);
    } else if (text !== undefined && text !== "") values.set(field, readText(SETTINGS[field], text));
  }
  return values;
}

/** What is not of the kind stays a text, which its rule then refuses. */
function readText({ kind }: Setting, text: string): unknown {
  if (kind === "whole") return /^[0-9]{1,15}$/.test(text) ? Number(text) : text;
  if (kind === "flag") return text === "true" || (text === "false" ? false : text);
  if (kind === "list") return text.split(",").map((entry) => entry.trim());
  return text;
}

/** With the line where that can be seen without another parser: `key = ...` below `[section]`. */
function placeIn(path: string, text: string, { section, key }: Pick<Setting, "section" | "key">): string {
  const place = `${path}: ${pathOf({ section, key })}`;
  let current = "";
  for (const [index, line] of text.split("\n").entries()) {
    current = /^\s*\[\s*([\w-]+)\s*\]/.exec(line)?.[1] ?? current;
    const name = /^\s*["']?([\w-]+)["']?\s*=/.exec(line)?.[1];
    if (current === section && name === key) return `${place} (line ${index + 1})`;
  }
  return place;
}
