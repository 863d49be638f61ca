/** What tidy.test.ts reads: the repository's files, their imports, and code without comments and strings. */
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, normalize } from "node:path";
import { ROOT } from "./run-test-files.ts";

export interface SourceFile {
  /** Relative to the root, with forward slashes. */
  readonly path: string;
  readonly text: string;
  readonly imports: readonly ImportedFile[];
}

export interface ImportedFile {
  readonly specifier: string;
  /** Path of the file inside of the repository; undefined when the specifier leads out of it. */
  readonly target: string | undefined;
  readonly typeOnly: boolean;
}

export interface PackageManifest {
  readonly folder: string;
  readonly name: string;
  readonly exports: Readonly<Record<string, string>>;
  readonly dependencies: readonly string[];
}

/** Tracked files and those about to be: a violation shows before it is committed. */
export function listFiles(): string[] {
  const out = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
    cwd: ROOT,
    encoding: "utf8",
  });
  return out.split("\0").filter((path) => path !== "" && existsSync(join(ROOT, path)));
}

export function readText(path: string): string {
  return readFileSync(join(ROOT, path), "utf8");
}

export function readManifests(paths: readonly string[]): PackageManifest[] {
  return paths
    .filter((path) => /^packages\/[^/]+\/package\.json$/.test(path))
    .map((path) => {
      const manifest = JSON.parse(readText(path)) as {
        name: string;
        exports?: Record<string, string>;
        dependencies?: Record<string, string>;
      };
      return {
        folder: dirname(path),
        name: manifest.name,
        exports: manifest.exports ?? {},
        dependencies: Object.keys(manifest.dependencies ?? {}),
      };
    });
}

export function readSource(path: string, packages: readonly PackageManifest[]): SourceFile {
  const text = readText(path);
  return { path, text, imports: findImports(path, text, packages) };
}

/** Static and dynamic imports, re-exports, and the URLs by which workers are started. */
const IMPORTS = [
  /(?:^|[;\n])\s*(?:import|export)(\s+type)?\b[^;"]*?\bfrom\s+"([^"]+)"/g,
  /(?:^|[;\n])\s*import()\s+"([^"]+)"/g,
  /\bimport()\(\s*"([^"]+)"/g,
  /\bnew URL()\(\s*"(\.[^"]+\.ts)"\s*,\s*import\.meta\.url/g,
];

function findImports(path: string, text: string, packages: readonly PackageManifest[]): ImportedFile[] {
  const code = stripComments(text);
  return IMPORTS.flatMap((pattern) =>
    [...code.matchAll(pattern)].map(([, type, specifier]) => ({
      specifier: specifier!,
      target: resolveTarget(path, specifier!, packages),
      typeOnly: type !== undefined && type !== "",
    })),
  );
}

function resolveTarget(
  path: string,
  specifier: string,
  packages: readonly PackageManifest[],
): string | undefined {
  if (specifier.startsWith(".")) return normalize(join(dirname(path), specifier));
  const owner = packages.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
  if (owner === undefined) return undefined;
  const exported = owner.exports[`.${specifier.slice(owner.name.length)}`];
  // An export that is not in the map still names its package, which is enough to see the direction.
  return exported === undefined ? `${owner.folder}/src/${basename(specifier)}` : join(owner.folder, exported);
}

/** Line comments count only after white space, so that `//` in a regular expression or a URL stays. */
function stripComments(text: string): string {
  return text
    .replaceAll(/(^|\s)\/\*[\s\S]*?\*\//g, (comment) => comment.replaceAll(/[^\n]/g, " "))
    .replaceAll(/(^|\s)\/\/.*$/gm, "");
}

/** Code with blank comments and empty strings; lines keep their numbers. */
export function stripToCode(text: string): string {
  return stripComments(text).replaceAll(/"(?:[^"\\\n]|\\.)*"/g, '""');
}
