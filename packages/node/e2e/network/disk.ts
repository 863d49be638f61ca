/** A small file system as the data folder of one node, so that its disk can be full. Needs root. */
import { execFile } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { isAlive } from "./namespaces.ts";

const execute = promisify(execFile);
/** What such a file system is called in the list of mounts, with the id of its test behind. */
const DEVICE = "lhg-test-";
const CHUNK_BYTES = 64 << 10;

/** Mounted before the node's first start. It goes with `unmountDisk`, or with the machine. */
export async function mountDisk(home: string, sizeMiB: number): Promise<void> {
  const data = join(home, "data");
  await mkdir(data, { recursive: true });
  await execute("mount", ["-t", "tmpfs", "-o", `size=${sizeMiB}m`, `${DEVICE}${process.pid}`, data]);
}

/** What a killed test left mounted. */
export async function removeStaleDisks(): Promise<void> {
  if (process.platform !== "linux" || process.getuid?.() !== 0) return;
  const mounts = (await readFile("/proc/mounts", "utf8")).split("\n").map((line) => line.split(" "));
  for (const [device, place] of mounts) {
    if (!device?.startsWith(DEVICE) || isAlive(Number(device.slice(DEVICE.length)))) continue;
    await execute("umount", ["--lazy", place!]);
  }
}

export async function unmountDisk(home: string): Promise<void> {
  await execute("umount", ["--lazy", join(home, "data")]);
}

const fillerOf = (home: string): string => join(home, "data", "filler");

/** To the last byte. */
export async function fillDisk(home: string): Promise<void> {
  for (const size of [CHUNK_BYTES, 1])
    for (;;) {
      try {
        await writeFile(fillerOf(home), new Uint8Array(size), { flag: "a" });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        break;
      }
    }
}

export async function freeDisk(home: string): Promise<void> {
  await rm(fillerOf(home));
}
