import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import {
  COMETBFT_VERSION,
  defaultBinaryDirectory,
  findCometBinary,
  installCometBinary,
} from "./engine-binary.ts";
import { makeFolder, writeProgram } from "./testing.ts";

/** A folder with a cometbft that says this. */
async function makeBinary(folder: string, says: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  return writeProgram(
    join(folder, "cometbft"),
    `if (process.argv[2] === "version") console.log(${JSON.stringify(says)});`,
  );
}

test("the configured program counts alone; else PATH comes before what was installed", async (t) => {
  const folder = await makeFolder(t);
  const at = (name: string): string => join(folder, name);
  const [first, second, installed] = await Promise.all(
    ["first", "second", "installed"].map((name) => makeBinary(at(name), COMETBFT_VERSION)),
  );
  const old = await makeBinary(at("old"), "0.38.25");
  const directory = at("installed");
  const find = (path: string, configured?: string) => findCometBinary({ path, configured, directory });
  assert.equal(
    (await find(`${at("none")}${delimiter}${at("first")}${delimiter}${at("second")}`)).file,
    first,
  );
  assert.equal((await find("")).file, installed);
  assert.equal((await find(at("old"))).file, installed, "another version on PATH is passed over");
  assert.deepEqual(await find(at("first"), second), { file: second, version: COMETBFT_VERSION });
  await assert.rejects(find(at("first"), old), {
    code: "engine.version",
    field: old,
    message: /is CometBFT 0\.38\.25, and 0\.39\.4 is needed: `lhg engine install`/,
  });
});

test("a missing program is an error that says how to get one", async (t) => {
  const folder = await makeFolder(t);
  const nowhere = { path: `${folder}${delimiter}${delimiter}.`, directory: join(folder, "bin") };
  await assert.rejects(findCometBinary(nowhere), { code: "engine.missing", message: /lhg engine install/ });
  await assert.rejects(findCometBinary({ ...nowhere, configured: join(folder, "x") }), {
    code: "engine.missing",
    field: join(folder, "x"),
  });
  await writeFile(join(folder, "cometbft"), "no program");
  await assert.rejects(findCometBinary(nowhere), { code: "engine.missing" });
});

test("what a program says is its version only where it says nothing else", async (t) => {
  const folder = await makeFolder(t);
  for (const [says, fits] of [
    [COMETBFT_VERSION, true],
    [`v${COMETBFT_VERSION}+1a2b3c`, true],
    [`${COMETBFT_VERSION}-rc1`, false],
    [`1${COMETBFT_VERSION}`, false],
    [`${COMETBFT_VERSION}\nand more`, false],
    ["", false],
    ["x".repeat(1 << 20), false],
  ] as const) {
    const configured = await makeBinary(folder, says);
    const found = findCometBinary({ configured, path: "" });
    if (fits) assert.equal((await found).version, COMETBFT_VERSION);
    else await assert.rejects(found, { code: "engine.version" }, says.slice(0, 20));
  }
});

test("the folder for programs follows XDG", () => {
  assert.equal(defaultBinaryDirectory({ XDG_CACHE_HOME: "/var/cache/x" }), "/var/cache/x/lhg/bin");
  for (const given of [undefined, "", "relative"])
    assert.match(
      defaultBinaryDirectory(given === undefined ? {} : { XDG_CACHE_HOME: given }),
      /^\/.*\/\.cache\/lhg\/bin$/,
    );
});

/** A `go` that says a version, and at `install` runs this. */
async function makeGo(folder: string, version: string, install = ""): Promise<NodeJS.ProcessEnv> {
  await mkdir(folder, { recursive: true });
  await writeProgram(
    join(folder, "go"),
    `const fs = require("node:fs");
if (process.argv[2] === "env") console.log(${JSON.stringify(version)});
else { fs.writeFileSync(${JSON.stringify(join(folder, "asked"))}, process.argv.slice(2).join(" ")); ${install} }`,
  );
  return { PATH: folder };
}

const MAKE = (version: string): string => {
  const script = `#!${process.execPath}\\nconsole.log(${JSON.stringify(version)});`;
  return `fs.writeFileSync(process.env.GOBIN + "/cometbft", '${script}', { mode: 0o755 }); console.error("built"); `;
};

test("Go builds the pinned version into the folder, and once it is there nothing is built", async (t) => {
  const folder = await makeFolder(t);
  const directory = join(folder, "deep/bin");
  const environment = await makeGo(join(folder, "go"), "go1.26.8", MAKE(COMETBFT_VERSION));
  const lines: string[] = [];
  const install = () => installCometBinary({ directory, environment, log: (line) => lines.push(line) });
  const file = join(directory, "cometbft");
  assert.deepEqual(await install(), { file, version: COMETBFT_VERSION, isNew: true });
  assert.equal(
    await readFile(join(folder, "go/asked"), "utf8"),
    `install github.com/cometbft/cometbft/cmd/cometbft@v${COMETBFT_VERSION}`,
  );
  assert.deepEqual(lines.slice(1), ["built"]);
  await writeProgram(join(folder, "go/go"), "process.exit(1)");
  assert.deepEqual(await install(), { file, version: COMETBFT_VERSION, isNew: false });
});

test("no Go, an old one, a build that fails or gives something else: each is said by name", async (t) => {
  const folder = await makeFolder(t);
  const directory = join(folder, "bin");
  const install = (environment: NodeJS.ProcessEnv) =>
    installCometBinary({ directory, environment, log: () => {} });
  await assert.rejects(install({ PATH: join(folder, "none") }), {
    code: "engine.go-missing",
    message: /go\.dev\/dl/,
  });
  for (const version of ["go1.24.9", "go1.2", "devel", ""])
    await assert.rejects(
      install(await makeGo(join(folder, "old"), version)),
      { code: "engine.go-version" },
      version,
    );
  const failing = await makeGo(
    join(folder, "failing"),
    "go1.25",
    `console.error("no network"); process.exit(1);`,
  );
  await assert.rejects(install(failing), { code: "engine.install", message: /go ended with 1: no network/ });
  for (const said of ["0.38.1", ""])
    await assert.rejects(install(await makeGo(join(folder, "other"), "go2.0", MAKE(said))), {
      code: "engine.install",
    });
});
