import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { createOutput } from "../packages/node/src/cli/output.ts";
import { createProgram } from "../packages/node/src/cli/program.ts";
import { ROOT } from "./run-test-files.ts";

const read = (path: string): string => readFileSync(join(ROOT, path), "utf8");

test("the Dockerfile copies the manifest of every workspace before it installs", () => {
  const { workspaces } = JSON.parse(read("package.json")) as { workspaces: string[] };
  const copied = [...read("deploy/Dockerfile").matchAll(/^COPY (\S+)\/package\.json \1\/$/gm)];
  assert.deepEqual(copied.map(([, folder]) => folder).sort(), [...workspaces].sort());
});

test("what the deployment files start is a command with these flags", () => {
  const streams = { stdout: new PassThrough(), stderr: new PassThrough() };
  const program = createProgram({ output: createOutput(streams, false), streams, onExit: () => {} });
  const dev = program.commands.find((command) => command.name() === "dev");
  const known = new Set(dev?.options.map(({ long }) => long));
  for (const path of ["deploy/Dockerfile", "deploy/compose.yaml", "deploy/lhg.service", "deploy/README.md"]) {
    const started = read(path).matchAll(/(?:main\.ts|CMD|command:|LHG_ARGUMENTS=|add the flags)[^\n]*/g);
    for (const [line] of started)
      for (const [flag] of line.matchAll(/(?<![\w-])--[a-z][a-z-]+/g))
        assert.ok(
          known.has(flag) || flag === "--max-semi-space-size",
          `${path}: ${flag} is no flag of lhg dev`,
        );
    for (const [, file] of read(path).matchAll(/(packages\/\S+?\.ts)/g))
      assert.ok(read(file!).length > 0, path);
  }
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
