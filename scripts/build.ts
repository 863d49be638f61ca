/**
 * `npm run build`: what browsers load, from source: console, verifier page, documentation. `npm ci` runs it with
 * `--if-possible`, which passes over a machine that has installed no development packages.
 */
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { ROOT } from "./run-test-files.ts";

const VITE = join(ROOT, "node_modules", "vite", "bin", "vite.js");
const CONFIGS = ["packages/console/vite.config.ts", "packages/console/vite.verifier.config.ts"];
const CONSOLE = join(ROOT, "packages/console/dist/console");

function buildPages(config: string): boolean {
  const args = [VITE, "build", "--config", config, "--logLevel", "warn"];
  const { status } = spawnSync(process.execPath, args, { cwd: ROOT, stdio: "inherit" });
  return status === 0;
}

/** The node sends the compressed twin of a file to whoever takes it. */
function compressPages(folder: string): void {
  for (const name of globSync("**/*.{html,js,css,svg,json}", { cwd: folder })) {
    const path = join(folder, name);
    const bytes = readFileSync(path);
    writeFileSync(`${path}.gz`, gzipSync(bytes, { level: 9 }));
    writeFileSync(`${path}.br`, brotliCompressSync(bytes));
  }
}

if (!existsSync(VITE) && process.argv.includes("--if-possible"))
  console.log("build: vite is not installed, so console and verifier page are not built");
else if (CONFIGS.every(buildPages)) compressPages(CONSOLE);
else process.exitCode = 1;
