/**
 * `npm run generate:abci`: writes the code of the ABCI messages from their .proto files, into the repository or into the folder given with `--to`. Needs
 * protoc (Debian: protobuf-compiler). What it writes is committed: whoever only builds and tests does not run it.
 */
import { spawnSync } from "node:child_process";
import { globSync, mkdirSync, rmSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { parseArgs } from "node:util";
import { ROOT } from "./run-test-files.ts";

const ABCI = join(ROOT, "packages/node/src/consensus/comet/abci");
const PROTO = join(ABCI, "proto");
/** Node runs what comes out as it is: no enums, imports with their extension. Of Google's files the runtime has the code. */
const OPTIONS = "target=ts,import_extension=ts,erasable_syntax=true";

const { values } = parseArgs({ options: { to: { type: "string", default: join(ABCI, "generated") } } });

rmSync(values.to, { recursive: true, force: true });
mkdirSync(values.to, { recursive: true });
const { status, error } = spawnSync(
  "protoc",
  [
    `--plugin=protoc-gen-es=${join(ROOT, "node_modules/.bin/protoc-gen-es")}`,
    `--proto_path=${PROTO}`,
    `--es_out=${values.to}`,
    `--es_opt=${OPTIONS}`,
    ...globSync("*.proto", { cwd: PROTO }).sort(),
  ],
  {
    stdio: ["ignore", "inherit", "inherit"],
    // The plugin is started by the name `node`.
    env: { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ""}` },
  },
);
if (error !== undefined) console.error(`protoc does not run (Debian: protobuf-compiler): ${error.message}`);
process.exitCode = status ?? 1;
