import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { listMembers, planNetwork } from "../packages/node/src/cli/network/plan-network.ts";
import { createOutput } from "../packages/node/src/cli/output.ts";
import { createProgram } from "../packages/node/src/cli/program.ts";
import { environmentNameOf, FIELDS, SETTINGS } from "../packages/node/src/config/settings.ts";
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
  "lhg.service",
  "lhg-dev.conf",
  "README.md",
].map((name) => `deploy/${name}`);

/** Of Node itself. */
const OTHER_FLAGS: ReadonlySet<string> = new Set(["--max-semi-space-size"]);

test("what the deployment files start is a command with these flags", () => {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const program = createProgram({ output: createOutput(streams, false), streams, onExit: () => {} });
  const flagsOf = (name: string): Set<string | undefined> => {
    const command = program.commands.find((entry) => entry.name() === name);
    return new Set([...program.options, ...(command?.options ?? [])].map(({ long }) => long));
  };
  for (const path of FILES) {
    const started = read(path).matchAll(
      /(?:main\.ts|CMD|command:|LHG_ARGUMENTS=|add the flags|\blhg init)[^\n]*/g,
    );
    for (const [line] of started) {
      const name = /main\.ts node\b/.test(line) ? "node" : line.startsWith("lhg init") ? "init" : "dev";
      const known = flagsOf(name);
      for (const [flag] of line.matchAll(/(?<![\w-])--[a-z][a-z-]+/g))
        assert.ok(known.has(flag) || OTHER_FLAGS.has(flag), `${path}: ${flag} is no flag of lhg ${name}`);
    }
    for (const [, file] of read(path).matchAll(/(packages\/\S+?\.ts)/g))
      assert.ok(read(file!).length > 0, path);
  }
});

test("variables of settings in the deployment files are settings", () => {
  const names = new Set(FIELDS.map((field) => environmentNameOf(SETTINGS[field])));
  const sections = [...new Set(FIELDS.map((field) => SETTINGS[field].section.toUpperCase()))];
  const pattern = new RegExp(`\\bLHG_(?:${sections.join("|")})_[A-Z0-9_]+`, "g");
  for (const path of [...FILES, "docs/operating.md", "docs/getting-started/operator.md"])
    for (const [name] of read(path).matchAll(pattern)) assert.ok(names.has(name), `${path}: ${name}`);
});

test("the composed network is the one that its first lines make, each node at a port of its own", () => {
  const text = read("deploy/compose.network.yaml");
  const [, count = "", hosts = ""] = /lhg init --validators (\d+) --out net --host (\S+)/.exec(text) ?? [];
  const shape = {
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
