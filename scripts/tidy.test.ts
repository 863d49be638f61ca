/** The architecture as a test: layer order, purity, explicit exports, sizes. ARCHITECTURE.md tells the reasons. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { extname, join } from "node:path";
import { test } from "node:test";
import { ROOT } from "./run-test-files.ts";
import {
  listFiles,
  readManifests,
  readSource,
  readText,
  type SourceFile,
  stripToCode,
} from "./source-files.ts";

/** Bottom up. A file imports from its own folder and from rows above its own; the first match counts. */
const LAYERS: readonly (readonly string[])[] = [
  ["packages/protocol/src/core/"],
  ["packages/protocol/src/epcis/", "packages/protocol/src/senml/"],
  ["packages/protocol/src/modules/"],
  ["packages/protocol/src/"],
  ["packages/sdk/src/"],
  ["packages/node/", "packages/console/", "examples/"],
];

const PROTOCOL = "packages/protocol/src/";
const MODULES = "packages/protocol/src/modules/";
const NODE = "packages/node/src/";

/** Besides command and wiring, only the node's crypto stands on the sdk: it is the sdk's, with libsodium for speed. */
const SDK_USERS = ["cli", "crypto", ""];

/** What would let replicated code see its machine, or compute with functions that differ between engines. */
const IMPURE: readonly (readonly [pattern: RegExp, reason: string])[] = [
  [/\bDate\b/, "the protocol has no clock"],
  [/\bperformance\b/, "the protocol has no clock"],
  [/\bMath\.(?!(?:abs|ceil|clz32|floor|imul|max|min|sign|trunc)\b)\w+/, "not exact on every engine"],
  [/\bparseFloat\b/, "the protocol computes with integers"],
  [/\bIntl\b|\blocaleCompare\b|\btoLocale\w*/, "differs between machines"],
  [/\bprocess\s*[.?[]/, "the protocol knows no machine"],
  [/\bBuffer\b/, "the protocol runs in browsers"],
];

const MAX_LINES = 500;
/** Files that may be longer, each with its reason. */
const LONG_FILES: ReadonlyMap<string, string> = new Map([
  ["packages/node/src/consensus/comet/abci/generated/abci_pb.ts", "generated"],
]);

const paths = listFiles();
const packages = readManifests(paths);
const sources = paths
  .filter((path) => /\.tsx?$/.test(path) && !path.endsWith(".d.ts"))
  .map((path) => readSource(path, packages));

const isTest = (path: string): boolean => /\.(?:test|e2e)\.ts$/.test(path);

function assertNone(violations: readonly string[]): void {
  assert.ok(violations.length === 0, `\n${violations.join("\n")}\n`);
}

/** Asks about every import of every source that leads to a file of this repository. */
function judgeImports(judge: (source: SourceFile, target: string, typeOnly: boolean) => string): string[] {
  return sources.flatMap((source) =>
    source.imports.flatMap(({ specifier, target, typeOnly }) => {
      const verdict = target === undefined ? "" : judge(source, target, typeOnly);
      return verdict === "" ? [] : [`${source.path}: ${verdict}: ${specifier}`];
    }),
  );
}

function findLayer(path: string): { level: number; folder: string } | undefined {
  for (const [level, folders] of LAYERS.entries()) {
    const folder = folders.find((prefix) => path.startsWith(prefix));
    if (folder !== undefined) return { level, folder };
  }
  return undefined;
}

test("lower layers never import higher ones, nor a neighbour on their level", () => {
  assertNone(
    judgeImports((source, target) => {
      const [from, to] = [findLayer(source.path), findLayer(target)];
      if (from === undefined) return "";
      if (to === undefined) return target.startsWith("packages/") ? "is in no layer" : "leaves the packages";
      if (to.level > from.level) return "imports upward";
      return to.level === from.level && to.folder !== from.folder ? "imports a sibling layer" : "";
    }),
  );
});

test("modules do not depend on each other in a circle", () => {
  const moduleOf = (path: string): string => path.slice(MODULES.length).split("/")[0]!;
  const needs = new Map<string, Set<string>>();
  for (const { path, imports } of sources) {
    if (!path.startsWith(MODULES) || isTest(path)) continue;
    const targets = needs.get(moduleOf(path)) ?? new Set<string>();
    for (const { target } of imports) if (target?.startsWith(MODULES)) targets.add(moduleOf(target));
    targets.delete(moduleOf(path));
    needs.set(moduleOf(path), targets);
  }
  // A module without open needs can be left out; what remains in the end stands in a circle or above one.
  for (let before = -1; before !== needs.size; ) {
    before = needs.size;
    for (const [name, targets] of needs)
      if (![...targets].some((target) => needs.has(target))) needs.delete(name);
  }
  assertNone([...needs].map(([name, targets]) => `${MODULES}${name} needs ${[...targets].join(", ")}`));
});

/** The folder below packages/node/src, or "" for what lies directly in it. */
const areaOf = (path: string): string => path.slice(NODE.length).split("/").slice(0, -1)[0] ?? "";

/** Parts of the node, bottom up: code comes from lower rows, never from the same row. The wiring comes last. */
const NODE_ROWS: readonly (readonly string[])[] = [
  ["config", "crypto", "store", "blocks", "mempool", "archive", "tls", "p2p", "sockets"],
  ["application", "consensus", "queries", "signer", "snapshot"],
  ["intake", "api", "gateway", "threads", "sync"],
  ["", "cli"],
];
const nodeRow = (path: string): number => NODE_ROWS.findIndex((row) => row.includes(areaOf(path)));

/** The entry files of workers wire what runs in them; tests and their tools take what they need. */
const mayWire = (path: string): boolean =>
  path.endsWith("worker.ts") || isTest(path) || /\/testing(?:-[a-z]+)?\.ts$/.test(path);

/** A type is a port: taking one from a sibling couples nothing that runs. */
test("inside of the node parts use lower parts, and only node.ts and worker entries wire siblings", () => {
  assertNone(
    judgeImports((source, target, typeOnly) => {
      if (typeOnly || !source.path.startsWith(NODE) || !target.startsWith(NODE) || mayWire(source.path))
        return "";
      if (areaOf(source.path) === areaOf(target)) return "";
      if (nodeRow(target) < 0) return `stands in no row of the node: ${areaOf(target)}`;
      if (nodeRow(target) > nodeRow(source.path)) return "imports upward";
      return nodeRow(target) < nodeRow(source.path) || areaOf(source.path) === "cli"
        ? ""
        : "imports a sibling";
    }),
  );
});

test("inside of the node only the command and the crypto use the sdk", () => {
  assertNone(
    judgeImports((source, target) => {
      if (!source.path.startsWith(NODE) || !target.startsWith("packages/sdk/")) return "";
      return SDK_USERS.includes(areaOf(source.path)) || mayWire(source.path) ? "" : "uses the sdk";
    }),
  );
});

test("the protocol is pure", () => {
  const violations: string[] = [];
  for (const source of sources) {
    if (!source.path.startsWith(PROTOCOL) || isTest(source.path)) continue;
    for (const { specifier } of source.imports)
      if (specifier.startsWith("node:")) violations.push(`${source.path}: imports ${specifier}`);
    for (const [index, line] of stripToCode(source.text).split("\n").entries())
      for (const [pattern, reason] of IMPURE) {
        const found = pattern.exec(line)?.[0];
        if (found !== undefined) violations.push(`${source.path}:${index + 1}: ${found}: ${reason}`);
      }
  }
  assertNone(violations);
});

test("exports are explicit and lead to files", () => {
  const violations: string[] = [];
  for (const { folder, exports } of packages)
    for (const [name, target] of Object.entries(exports)) {
      const place = `${folder}/package.json: exports["${name}"]`;
      if (typeof target !== "string") violations.push(`${place} must be one path`);
      else if (`${name}${target}`.includes("*")) violations.push(`${place} is a wildcard`);
      else if (!existsSync(join(ROOT, folder, target))) violations.push(`${place}: ${target} is missing`);
    }
  assertNone(violations);
});

test(`no file is longer than ${MAX_LINES} lines`, () => {
  const long = (path: string, text: string): boolean =>
    text.split("\n").length > MAX_LINES + 1 && !LONG_FILES.has(path);
  assertNone(sources.filter(({ path, text }) => long(path, text)).map(({ path }) => `${path} is too long`));
});

test("no file names a path of somebody's machine", () => {
  const machinePath = /(?<![\w.~)}-])\/(?:(?:work|tmp)\b|(?:root|home)\/)/;
  const violations: string[] = [];
  for (const path of paths) {
    if (!/^(?:|\.(?:[cm]?[jt]sx?|json|md|ya?ml|html|css|sh))$/.test(extname(path))) continue;
    for (const [index, line] of readText(path).split("\n").entries())
      if (machinePath.test(line)) violations.push(`${path}:${index + 1}: ${line.trim().slice(0, 100)}`);
  }
  assertNone(violations);
});

test("the lockfile holds the packages of every platform, or npm ci refuses it", () => {
  const { packages: locked } = JSON.parse(readText("package-lock.json")) as {
    packages: Record<string, { optionalDependencies?: Record<string, string> }>;
  };
  const wanted = Object.values(locked).flatMap((owner) => Object.keys(owner.optionalDependencies ?? {}));
  const missing = wanted.filter((name) => locked[`node_modules/${name}`] === undefined);
  assertNone(missing.map((name) => `package-lock.json: lacks ${name}; run: npm run lock`));
});

const ARCHITECTURE = "ARCHITECTURE.md";
const unwritten = paths.includes(ARCHITECTURE) ? false : `${ARCHITECTURE} is not written yet`;

/** Rows of the table `package or folder | owns | does not own | depends on`. */
function readTable(): { folder: string; dependsOn: string[] }[] {
  const rows = readText(ARCHITECTURE)
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) => line.split("|").slice(1, -1))
    .map((cells) => cells.map((cell) => cell.replaceAll("`", "").trim()));
  return rows
    .filter((cells) => cells.length === 4 && cells[0]!.startsWith("packages/"))
    .map((cells) => ({
      folder: cells[0]!.replace(/\/$/, ""),
      dependsOn: cells[3]!.split(/,\s*/).filter((name) => !/^(?:|-|–|—|none|nothing)$/i.test(name)),
    }));
}

test("the table of ARCHITECTURE.md says what the package.json files say", { skip: unwritten }, () => {
  const rows = readTable();
  const violations: string[] = [];
  const names = new Map(packages.map(({ name, folder }) => [name, folder]));
  for (const { folder, dependencies } of packages) {
    const row = rows.find((candidate) => candidate.folder === folder);
    if (row === undefined) {
      violations.push(`${ARCHITECTURE}: no row for ${folder}`);
      continue;
    }
    const real = dependencies.flatMap((name) => names.get(name) ?? []).sort();
    const told = row.dependsOn.map((name) => names.get(name) ?? name).sort();
    if (real.join() !== told.join())
      violations.push(`${ARCHITECTURE}: ${folder} depends on ${real.join()}, not on ${told.join()}`);
  }
  for (const { folder } of rows)
    if (!existsSync(join(ROOT, folder))) violations.push(`${ARCHITECTURE}: ${folder} does not exist`);
  assertNone(violations);
});
