/** One process at a time has a file: the lock stands beside it and names its holder, so that a crash blocks nobody. */
import { linkSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { LhgError } from "@lhg/protocol/core/errors";

const held = new Set<string>();

/** Holds `<path>.lock` until this process ends; holding it twice does no harm. Throws `device.in-use`. */
export function holdFile(path: string): void {
  const lock = `${path}.lock`;
  if (held.has(lock)) return;
  const own = describeProcess(process.pid);
  const mine = `${lock}.${process.pid}`;
  writeFileSync(mine, own, { mode: 0o600 });
  try {
    // A link appears with its content or not at all, so nobody reads half a lock.
    while (!tryLink(mine, lock)) takeAway(lock, path);
  } finally {
    rmSync(mine, { force: true });
  }
  if (held.size === 0) process.once("exit", releaseAll);
  held.add(lock);
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") return false;
    throw error;
  }
}

/** Removes the lock of a process that is gone. Throws `device.in-use` where it is there. */
function takeAway(lock: string, path: string): void {
  const found = readIfThere(lock);
  if (found === undefined) return;
  requireGone(found, lock, path);
  const away = `${lock}.${process.pid}.old`;
  try {
    renameSync(lock, away);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return;
    throw error;
  }
  try {
    // Another may have taken the old one away and put its own there meanwhile: that goes back.
    if (readFileSync(away, "utf8") !== found) tryLink(away, lock);
  } finally {
    rmSync(away, { force: true });
  }
}

function requireGone(holder: string, lock: string, path: string): void {
  const pid = Number(holder.split(" ", 1)[0]);
  if (!Number.isSafeInteger(pid) || pid < 1 || pid === process.pid) return;
  if (!isAlive(pid) || describeProcess(pid) !== holder) return;
  throw new LhgError(
    "device.in-use",
    `process ${pid} has this memory open: two at once would use one number twice (${lock})`,
    path,
  );
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}

/** Its number and, where the system tells, when it started: numbers are used again after a restart of the machine. */
function describeProcess(pid: number): string {
  const stat = readIfThere(`/proc/${pid}/stat`) ?? "";
  // proc_pid_stat(5): the name, which is in parentheses, may hold blanks; the start is field 22, the 20th after it.
  const startTicks = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19] ?? "";
  return `${pid} ${startTicks}`;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

function releaseAll(): void {
  for (const lock of held) rmSync(lock, { force: true });
}
