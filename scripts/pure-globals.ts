/**
 * Preload of the pure test run (`node --import`): whatever would let the protocol read the machine it
 * runs on throws when the protocol's own code reaches for it. Tests and libraries go on as usual, so
 * the culprit is told by the call stack: the nearest frame that has a file.
 */
import { fileURLToPath } from "node:url";
import { getCallSites } from "node:util";

const PROTOCOL = fileURLToPath(new URL("../packages/protocol/src/", import.meta.url));
const SELF = import.meta.url;
const FRAMES = 16;

const GLOBALS = [
  "Buffer",
  "Date",
  "Intl",
  "crypto",
  "fetch",
  "performance",
  "process",
  "queueMicrotask",
  "setImmediate",
  "setInterval",
  "setTimeout",
] as const;

/** Results of these may differ between machines or versions of V8 (ECMA-262 leaves them to the implementation). */
const FUNCTIONS: readonly (readonly [label: string, owner: object, names: readonly string[]])[] = [
  [
    "Math",
    Math,
    [
      "acos acosh asin asinh atan atan2 atanh cbrt cos cosh exp expm1 hypot",
      "log log10 log1p log2 pow random sin sinh sqrt tan tanh",
    ].flatMap((names) => names.split(" ")),
  ],
  ["String", String.prototype, ["localeCompare", "toLocaleLowerCase", "toLocaleUpperCase"]],
  ["Number", Number.prototype, ["toLocaleString"]],
  ["BigInt", BigInt.prototype, ["toLocaleString"]],
  ["Array", Array.prototype, ["toLocaleString"]],
];

for (const name of GLOBALS) guardGlobal(name);
for (const [label, owner, names] of FUNCTIONS) for (const name of names) guardFunction(label, owner, name);

function guardGlobal(name: string): void {
  const original = Object.getOwnPropertyDescriptor(globalThis, name);
  if (original === undefined) return;
  let replaced: { value: unknown } | undefined;
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable: original.enumerable ?? false,
    get() {
      refuseProtocol(name);
      return replaced === undefined ? readProperty(original) : replaced.value;
    },
    set(value: unknown) {
      replaced = { value };
    },
  });
}

function readProperty(property: PropertyDescriptor): unknown {
  return property.get === undefined ? property.value : property.get.call(globalThis);
}

function guardFunction(label: string, owner: object, name: string): void {
  const original = Reflect.get(owner, name) as (...args: unknown[]) => unknown;
  Object.defineProperty(owner, name, {
    configurable: true,
    enumerable: false,
    writable: true,
    value: function (this: unknown, ...args: unknown[]): unknown {
      refuseProtocol(`${label}.${name}`);
      return Reflect.apply(original, this, args);
    },
  });
}

function refuseProtocol(what: string): void {
  const caller = getCallSites(FRAMES)
    .map((site) => site.scriptName)
    .find((script) => script !== "" && script !== SELF);
  if (caller === undefined || !caller.startsWith("file:")) return;
  const path = fileURLToPath(caller);
  if (!path.startsWith(PROTOCOL) || path.endsWith(".test.ts")) return;
  throw new Error(`pure run: ${what} is used by packages/protocol/src/${path.slice(PROTOCOL.length)}`);
}
