/** The file of settings, with a comment before each: what is not set shows its default. */
import type { NodeConfig } from "../config.ts";
import { FIELDS, pathOf, SETTINGS, type SettingValue } from "./settings.ts";

const HEAD = `# Settings of an LHG node.
# "# " begins a comment, "#" alone a setting that has the value shown; where it says "none by default", an example.
# The environment wins over this file: LHG_<SECTION>_<KEY>, such as LHG_P2P_PEERS_MAX=20; lists with commas between.
# Paths are relative to the folder of this file.
# To check it: lhg node --home <folder> --check-config
`;

/** Every setting in the order of the table; those of `values` are set, the others stand as comments. */
export function writeToml(values: Partial<NodeConfig>): string {
  const lines = [HEAD];
  let section = "";
  for (const field of FIELDS) {
    const setting = SETTINGS[field];
    if (setting.section !== section) {
      section = setting.section;
      lines.push(`[${section}]`);
    }
    const value = values[field];
    const { byDefault, example, key, says } = setting;
    const shown = value ?? byDefault ?? example;
    const isExample = value === undefined && byDefault === undefined;
    lines.push(`# ${says}${isExample ? " (none by default)" : ""}`);
    lines.push(`${value === undefined ? "#" : ""}${key} = ${formatToml(shown ?? "")}\n`);
  }
  return lines.join("\n");
}

/** On one line where it is commented out or short, so that uncommenting is deleting one character. */
export function formatToml(value: SettingValue): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object") return String(value);
  const entries = value.map((entry) => JSON.stringify(entry));
  return entries.length < 2
    ? `[${entries.join("")}]`
    : `[\n${entries.map((entry) => `  ${entry},\n`).join("")}]`;
}

/** The settings in force, a line each: what is left out and has no default is not there. */
export function formatSettings(config: NodeConfig): string[] {
  return FIELDS.flatMap((field) => {
    const value = config[field];
    return value === undefined ? [] : [`${pathOf(SETTINGS[field])} = ${formatToml(value)}`];
  });
}
