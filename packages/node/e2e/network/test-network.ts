/** A network of `lhg node` processes, made by `lhg init`, over links that a test can spoil. */
import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { fromHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { keyFromSeed, type SecretKey } from "@lhg/sdk/keys/keys";
import { mountDisk, removeStaleDisks, unmountDisk } from "./disk.ts";
import type { Fabric, FabricWish, Seating } from "./fabric.ts";
import { createNamespaces, isAlive, removeStaleNamespaces, whyNoNamespaces } from "./namespaces.ts";
import { LHG, NodeProcess } from "./node-process.ts";
import { createProxies } from "./proxies.ts";

export interface TestNetwork<Seats extends Seating = Fabric> {
  readonly folder: string;
  readonly fabric: Seats;
  readonly chainId: string;
  /** Validators, by seat. */
  readonly validators: readonly NodeProcess[];
  /** They follow, and are not started. Their seats come after the validators'. */
  readonly observers: readonly NodeProcess[];
  readonly faucet: SecretKey;
  readonly vendor: SecretKey;
  /** All that run. */
  live(): NodeProcess[];
  close(): Promise<void>;
}

export interface NetworkPlan {
  readonly validators: number;
  readonly observers?: number;
  readonly needsDelay?: boolean;
  /** CometBFT is the engine, and each node has ten ports from here on: its seating is of `createPortBlocks`. */
  readonly comet?: { readonly basePort: number };
  /** Settings for all nodes. */
  readonly environment?: Readonly<Record<string, string>>;
  /** A validator that signs two things at once. */
  readonly traitor?: number;
  /** A node whose data has a file system of its own. */
  readonly smallDisk?: { readonly seat: number; readonly sizeMiB: number };
}

/** Before the id of the test's process. */
const FOLDER = "lhg-network-";
const EQUIVOCATOR = fileURLToPath(new URL("equivocator.ts", import.meta.url));

let reason: Promise<string | undefined> | undefined;

/** Why links are proxies on loopback here; undefined where there can be namespaces. */
export function whyProxies(): Promise<string | undefined> {
  reason ??= process.env.LHG_NETWORK_PROXIES === "1" ? Promise.resolve("asked for") : whyNoNamespaces();
  return reason;
}

/** Namespaces where they are allowed and can do what is wished, else proxies; `why` says why not. */
export async function chooseFabric({ seats, needsDelay }: FabricWish): Promise<{
  readonly fabric: Fabric;
  readonly why: string | undefined;
}> {
  const why = await whyProxies();
  if (why !== undefined) return { fabric: await createProxies(seats), why };
  await removeStaleNamespaces();
  const fabric = await createNamespaces(seats);
  if (needsDelay !== true || fabric.canDelay) return { fabric, why: undefined };
  await fabric.close();
  return { fabric: await createProxies(seats), why: "this kernel has no netem" };
}

/** What a killed test left of its homes; their disks are unmounted by now. */
async function removeStaleFolders(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const pid = name.startsWith(FOLDER) ? Number.parseInt(name.slice(FOLDER.length), 10) : Number.NaN;
    if (!Number.isNaN(pid) && !isAlive(pid)) await rm(join(tmpdir(), name), { recursive: true, force: true });
  }
}

interface InitAnswer {
  readonly chainId: string;
  readonly nodes: readonly { readonly name: string; readonly home: string; readonly peerId: string }[];
}

/** Makes the homes and starts nothing. */
export async function createTestNetwork<Seats extends Seating>(
  plan: NetworkPlan,
  fabric: Seats,
): Promise<TestNetwork<Seats>> {
  const { validators, environment = {}, traitor, smallDisk } = plan;
  await removeStaleDisks();
  await removeStaleFolders();
  const folder = await mkdtemp(join(tmpdir(), `${FOLDER}${process.pid}-`));
  const made = await initNetwork(join(folder, "net"), plan);
  const peerIds = made.nodes.slice(0, validators).map(({ peerId }) => peerId);
  const diskHome = smallDisk === undefined ? undefined : made.nodes[smallDisk.seat]!.home;
  if (diskHome !== undefined) await mountDisk(diskHome, smallDisk!.sizeMiB);
  const nodes = made.nodes.map(({ name, home }, seat) => {
    return new NodeProcess({
      name,
      home,
      apiUrl: fabric.apiUrlOf(seat),
      command: fabric.commandOf(seat),
      environment: { ...fabric.environmentOf(seat, peerIds), ...environment },
      ...(seat === traitor ? { program: [EQUIVOCATOR] } : {}),
    });
  });
  const readAccount = (name: string): Promise<SecretKey> =>
    readPlainKey(join(folder, "net/accounts", `${name}.json`));
  return {
    folder,
    fabric,
    chainId: made.chainId,
    validators: nodes.slice(0, validators),
    observers: nodes.slice(validators),
    faucet: await readAccount("faucet"),
    vendor: await readAccount("acme"),
    live: () => nodes.filter(({ isRunning }) => isRunning),
    async close() {
      await Promise.all(nodes.map((node) => node.kill()));
      await fabric.close();
      if (diskHome !== undefined) await unmountDisk(diskHome);
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Of a file that `lhg init --insecure-keys` made. */
export async function readPlainKey(path: string): Promise<SecretKey> {
  const { insecureSecret } = JSON.parse(await readFile(path, "utf8")) as { insecureSecret: string };
  return keyFromSeed(ALG_EDDSA, fromHex(insecureSecret, path));
}

async function initNetwork(
  out: string,
  { validators, observers = 0, comet }: NetworkPlan,
): Promise<InitAnswer> {
  const args = ["--validators", String(validators), "--observers", String(observers), "--kind", "private"];
  const { stdout } = await promisify(execFile)(process.execPath, [
    LHG,
    "init",
    "--out",
    out,
    ...args,
    ...(comet === undefined ? [] : ["--engine", "comet", "--base-port", String(comet.basePort)]),
    "--vendor",
    "Acme=0614141",
    "--insecure-keys",
    "--json",
  ]);
  return JSON.parse(stdout) as InitAnswer;
}
