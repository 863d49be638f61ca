/**
 * Nodes in network namespaces, joined by a bridge in another: real TCP of this kernel, with packets dropped where a test says so. Needs
 * root, iproute2 and nftables; delay needs the netem module besides.
 */
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Fabric } from "./fabric.ts";

const API_PORT = 8080;
const P2P_PORT = 26_700;
/** The test's own address in the network; faults are between nodes, which have the lower ones. */
const TEST_HOST = 254;
const NAME = /^lhg-(\d+)-/;

let networks = 0;

const execute = promisify(execFile);

async function run(program: string, ...args: readonly string[]): Promise<string> {
  return (await execute(program, args)).stdout;
}

/** Why there can be no namespaces here; undefined where there can. */
export async function whyNoNamespaces(): Promise<string | undefined> {
  if (process.platform !== "linux") return "not Linux";
  if (process.getuid?.() !== 0) return "not root";
  const probe = `lhg-${process.pid}-probe`;
  try {
    await run("ip", "netns", "add", probe);
    await run("ip", "netns", "exec", probe, "nft", "list", "ruleset");
    return undefined;
  } catch (error) {
    return String((error as Error).message).split("\n")[0];
  } finally {
    await run("ip", "netns", "delete", probe).catch(() => "");
  }
}

/** Removes what a killed test left: its nodes, and the namespaces with all their links. */
export async function removeStaleNamespaces(): Promise<void> {
  for (const name of await listNamespaces()) {
    const pid = Number(NAME.exec(name)?.[1]);
    if (pid === process.pid || isAlive(pid)) continue;
    const left = (await run("ip", "netns", "pids", name)).split("\n").filter((line) => line !== "");
    for (const each of left) process.kill(Number(each), "SIGKILL");
    await run("ip", "netns", "delete", name);
  }
}

async function listNamespaces(): Promise<string[]> {
  const lines = (await run("ip", "netns", "list")).split("\n");
  return lines.map((line) => line.split(" ")[0]!).filter((name) => NAME.test(name));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

/** A /24 of 10.77.0.0/16 that this machine has no address in. */
async function chooseSubnet(): Promise<string> {
  const taken = await run("ip", "-4", "-o", "address", "show");
  for (let i = 0; i < 250; i++) {
    const subnet = `10.77.${((process.pid + networks + i) % 250) + 1}`;
    if (!taken.includes(`${subnet}.`)) return subnet;
  }
  throw new Error("no /24 of 10.77.0.0/16 is free");
}

export async function createNamespaces(seats: number): Promise<Fabric> {
  const network = `lhg-${process.pid}-${networks++}`;
  const subnet = await chooseSubnet();
  const hub = `${network}-hub`;
  const outside = `lhg${process.pid % 100_000}t${networks}`;
  const spaceOf = (seat: number): string => `${network}-${seat}`;
  const hostOf = (seat: number): string => `${subnet}.${seat + 1}`;
  const all = Array.from({ length: seats }, (_, seat) => seat);

  await run("ip", "netns", "add", hub);
  await run("ip", "-n", hub, "link", "add", "bridge", "type", "bridge");
  await run("ip", "-n", hub, "link", "set", "bridge", "up");
  await run("ip", "link", "add", outside, "type", "veth", "peer", "name", "test", "netns", hub);
  await run("ip", "-n", hub, "link", "set", "test", "master", "bridge", "up");
  await run("ip", "address", "add", `${subnet}.${TEST_HOST}/24`, "dev", outside);
  await run("ip", "link", "set", outside, "up");
  for (const seat of all) {
    const space = spaceOf(seat);
    await run("ip", "netns", "add", space);
    await run("ip", "-n", space, "link", "set", "lo", "up");
    const veth = "link add eth0 type veth peer name".split(" ");
    await run("ip", "-n", space, ...veth, `node${seat}`, "netns", hub);
    await run("ip", "-n", hub, "link", "set", `node${seat}`, "master", "bridge", "up");
    await run("ip", "-n", space, "address", "add", `${hostOf(seat)}/24`, "dev", "eth0");
    await run("ip", "-n", space, "link", "set", "eth0", "up");
  }

  const cuts = new Map<number, Set<number>>();
  let lossPercent = 0;
  const canDelay = await run(
    "tc",
    "-n",
    hub,
    "qdisc",
    "replace",
    "dev",
    "node0",
    "root",
    "netem",
    "delay",
    "0ms",
  )
    .then(() => run("tc", "-n", hub, "qdisc", "delete", "dev", "node0", "root"))
    .then(
      () => true,
      () => false,
    );

  /** Filters stand where packets arrive: the sender notices nothing. */
  async function applyRules(seat: number): Promise<void> {
    const from = [...(cuts.get(seat) ?? [])].map(hostOf);
    const nodes = `${hostOf(0)}-${hostOf(seats - 1)}`;
    const rules = [
      ...(from.length === 0 ? [] : [`ip saddr { ${from.join(", ")} } drop`]),
      ...(lossPercent === 0 ? [] : [`ip saddr ${nodes} numgen random mod 100 < ${lossPercent} drop`]),
    ];
    const chain = ["type filter hook input priority 0; policy accept;", ...rules].join("\n");
    const text = `table inet lhg\ndelete table inet lhg\ntable inet lhg {\nchain arrival {\n${chain}\n}\n}`;
    await run("ip", "netns", "exec", spaceOf(seat), "nft", text);
  }

  async function applyDelay(delayMs: number): Promise<void> {
    for (const seat of all) {
      const port = ["-n", hub, "qdisc", delayMs === 0 ? "delete" : "replace", "dev", `node${seat}`, "root"];
      await run("tc", ...port, ...(delayMs === 0 ? [] : ["netem", "delay", `${delayMs}ms`]));
    }
  }
  let delayedMs = 0;

  return {
    kind: "namespaces",
    canDelay,
    commandOf: (seat) => ["ip", "netns", "exec", spaceOf(seat)],
    environmentOf: (seat, peerIds) => ({
      LHG_API_HOST: hostOf(seat),
      LHG_API_PORT: String(API_PORT),
      LHG_P2P_LISTEN: `/ip4/${hostOf(seat)}/tcp/${P2P_PORT}`,
      LHG_P2P_PEERS: peerIds
        .flatMap((id, other) => (other === seat ? [] : [`/ip4/${hostOf(other)}/tcp/${P2P_PORT}/p2p/${id}`]))
        .join(","),
    }),
    apiUrlOf: (seat) => `http://${hostOf(seat)}:${API_PORT}`,
    async cut(from, to) {
      cuts.set(to, (cuts.get(to) ?? new Set()).add(from));
      await applyRules(to);
    },
    async setLoss(percent) {
      lossPercent = percent;
      for (const seat of all) await applyRules(seat);
    },
    async setDelay(delayMs) {
      delayedMs = delayMs;
      await applyDelay(delayMs);
    },
    async heal() {
      cuts.clear();
      lossPercent = 0;
      await Promise.all(all.map(applyRules));
      if (delayedMs > 0) await applyDelay(0);
      delayedMs = 0;
    },
    async close() {
      for (const space of [...all.map(spaceOf), hub]) await run("ip", "netns", "delete", space);
      // It goes with its other end, as soon as the kernel has taken the namespace down.
      await run("ip", "link", "delete", outside).catch(() => "");
    },
  };
}
