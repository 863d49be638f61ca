/**
 * `npm run build`: what browsers load, from source: console, verifier page, documentation. `npm ci` runs it with
 * `--if-possible`, which passes over a machine that has installed no development packages.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./run-test-files.ts";

const VITE = join(ROOT, "node_modules", "vite", "bin", "vite.js");
const CONFIGS = ["packages/console/vite.config.ts"];

if (!existsSync(VITE) && process.argv.includes("--if-possible")) {
  console.log("build: vite is not installed, so console and verifier page are not built");
} else {
  for (const config of CONFIGS) {
    const { status } = spawnSync(
      process.execPath,
      [VITE, "build", "--config", config, "--logLevel", "warn"],
      {
        cwd: ROOT,
        stdio: "inherit",
      },
    );
    if (status !== 0) {
      process.exitCode = 1;
      break;
    }
  }
  (await import("./build-docs.ts")).buildDocs();
}
