import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { listMembers, planNetwork } from "../packages/node/src/cli/network/plan-network.ts";
import { createOutput } from "../packages/node/src/cli/output.ts";
import { createProgram } from "../packages/node/src/cli/program.ts";
import { environmentNameOf, FIELDS, SETTINGS } from "../packages/node/src/config/settings.ts";
import type { NodeConfig } from "../packages/node/src/config.ts";
import { COMETBFT_VERSION } from "../packages/node/src/consensus/comet/process/engine-binary.ts";
import { peerIdOf } from "../packages/node/src/p2p/peer-id.ts";
import { ROOT } from "./run-test-files.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

test("the Dockerfile copies the manifest of every workspace before it installs", () => {
  const { workspaces } = JSON.parse(read("package.json")) as { workspaces: string[] };
  const copied = [...read("deploy/Dockerfile").matchAll(/^COPY (\S+)\/package\.json \1\/$/gm)];
  assert.deepEqual(copied.map(([, folder]) => folder).sort(), [...workspaces].sort());
});

const FILES = [
  "Dockerfile",
  "compose.yaml",
  "compose.network.yaml",
  "compose.comet.yaml",
  "lhg.service",
  "lhg-comet.service",
  "lhg-dev.conf",
  "README.md",
].map((name) => `deploy/${name}`);

/** Of Node itself. */
const OTHER_FLAGS: ReadonlySet<string> = new Set(["--max-semi-space-size"]);

test("what the deployment files start is a command with these flags", () => {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const program = createProgram({ output: createOutput(streams, false), streams, onExit: () => {} });
  const flagsOf = (name: string): Set<string | undefined> => {
    const [family, member] = name.split(" ");
    const command = program.commands.find((entry) => entry.name() === family);
    const options = [command, command?.commands.find((entry) => entry.name() === member)].flatMap(
      (entry) => entry?.options ?? [],
    );
    return new Set([...program.options, ...options].map(({ long }) => long));
  };
  for (const path of FILES) {
    const started = read(path).matchAll(
      /(?:main\.ts|CMD|command:|LHG_ARGUMENTS=|add the flags|\blhg init)[^\n]*/g,
    );
    for (const [line] of started) {
      const [, named = line.startsWith("lhg init") ? "init" : "dev"] =
        /main\.ts (node\b|engine install)/.exec(line) ?? [];
      const known = flagsOf(named);
      for (const [flag] of line.matchAll(/(?<![\w-])--[a-z][a-z-]+/g))
        assert.ok(known.has(flag) || OTHER_FLAGS.has(flag), `${path}: ${flag} is no flag of lhg ${named}`);
    }
    for (const [, file] of read(path).matchAll(/(packages\/\S+?\.ts)/g))
      assert.ok(read(file!).length > 0, path);
  }
});

test("variables of settings in the deployment files are settings", () => {
  const names = new Set(FIELDS.map((field) => environmentNameOf(SETTINGS[field])));
  const sections = [...new Set(FIELDS.map((field) => SETTINGS[field].section.toUpperCase()))];
  const pattern = new RegExp(`\\bLHG_(?:${sections.join("|")})_[A-Z0-9_]+`, "g");
  for (const path of [...FILES, "docs/operating.md", "docs/engines.md", "docs/getting-started/operator.md"])
    for (const [name] of read(path).matchAll(pattern)) assert.ok(names.has(name), `${path}: ${name}`);
});

const NETWORKS = [
  ["compose.network.yaml", "dbft"],
  ["compose.comet.yaml", "comet"],
] as const;

for (const [file, engine] of NETWORKS)
  test(`the network of ${file} is the one that its first lines make, each node at a port of its own`, () => {
    checkNetwork(read(`deploy/${file}`), engine);
  });

function checkNetwork(text: string, engine: NodeConfig["engine"]): void {
  const [, named = "dbft", count = "", hosts = ""] =
    /lhg init (?:--engine (\w+) )?--validators (\d+) --out net --host (\S+)/.exec(text) ?? [];
  assert.equal(named, engine);
  const shape = {
    engine,
    validators: Number(count),
    observers: 0,
    hasSentries: false,
    hosts: hosts.split(","),
    basePort: 26_700,
  };
  const members = listMembers(shape).map(({ name }) => name);
  const planned = planNetwork(
    shape,
    members.map((_, i) => peerIdOf(new Uint8Array(32).fill(i))),
  );
  const services = [...text.matchAll(/^ {2}(\w+):\n {4}<<: \*node\n((?: {4,}.*\n)+)/gm)];
  assert.deepEqual(
    services.map(([, name]) => name),
    members,
  );
  for (const [i, [, name, body = ""]] of services.entries()) {
    const [, outside, inside] = /ports: \["127\.0\.0\.1:(\d+):(\d+)"\]/.exec(body) ?? [];
    assert.equal(Number(inside), planned[i]!.config.port);
    assert.ok(body.includes(`http://localhost:${outside}\n`), name);
    assert.ok(body.includes(`../net/${name}:`), name);
    const port = shape.basePort;
    assert.deepEqual(planned[i]!.config.p2pAnnounce, [`/dns/${name}/tcp/${port}`]);
  }
  assert.equal(
    new Set(services.map(([, , body = ""]) => /127\.0\.0\.1:\d+/.exec(body)?.[0])).size,
    members.length,
  );
}

test("CometBFT in the image is the version that LHG starts, and only its peers' port leaves the container", () => {
  const dockerfile = read("deploy/Dockerfile");
  assert.match(dockerfile, new RegExp(`^RUN .*cometbft@v${COMETBFT_VERSION.replaceAll(".", "\\.")}$`, "m"));
  assert.match(dockerfile, /^FROM lhg\n$/m, "the image without CometBFT is built by default");
  assert.match(read("deploy/compose.comet.yaml"), /^ {4}target: comet$/m);
  assert.match(dockerfile, /^FROM lhg AS comet$/m);
  const [comet] = planNetwork(
    { validators: 1, observers: 0, hasSentries: false, hosts: ["node0"], basePort: 26_700, engine: "comet" },
    [peerIdOf(new Uint8Array(32))],
  ).map((node) => node.comet!);
  const [, exposed = ""] = /^EXPOSE (.+)$/m.exec(dockerfile) ?? [];
  assert.ok(exposed.split(" ").includes(comet!.p2p.split(":").at(-1)!));
  assert.ok(!exposed.split(" ").includes(comet!.rpc.split(":").at(-1)!));
  assert.match(comet!.rpc, /^tcp:\/\/127\.0\.0\.1:/);
});

test("the ports that the image exposes are those of the README, and compose publishes those that it says", () => {
  const withProtocol = (port: string): string => (port.includes("/") ? port : `${port}/tcp`);
  const [, exposed = ""] = /^EXPOSE (.+)$/m.exec(read("deploy/Dockerfile")) ?? [];
  const documented = [...read("deploy/README.md").matchAll(/^\| (\d+\/(?:tcp|udp)) \|.*\| (yes|no) \|$/gm)];
  assert.deepEqual(exposed.split(" ").map(withProtocol).sort(), documented.map(([, port]) => port).sort());
  const [, node = ""] = /^ {2}node:\n((?: {4}.*\n)+)/m.exec(read("deploy/compose.yaml")) ?? [];
  const published = [...node.matchAll(/^ {6}- "\$\{LHG_BIND:-127\.0\.0\.1\}:(\d+):(\S+)"$/gm)];
  assert.deepEqual(
    published.map(([, , port]) => withProtocol(port!)).sort(),
    documented.flatMap(([, port, isPublished]) => (isPublished === "yes" ? [port] : [])).sort(),
  );
  for (const [, outside, inside] of published) assert.equal(outside, inside);
});
