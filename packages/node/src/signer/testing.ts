/** For tests: a file that crashes, a key, and the bytes that validators sign. */
import { generateKeyPairSync, sign } from "node:crypto";
import {
  CHANGE_VIEW,
  changeViewSignBytes,
  type SignedContent,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import type { ConsensusSigner } from "./consensus-signer.ts";
import type { SlotFile } from "./guard-slots.ts";

const SECTOR_BYTES = 512;

export interface CrashingSlots {
  /** The file of the running life; after a crash or a kill ask again. */
  readonly file: SlotFile;
  /** Power loss: any subset of the sectors that were not synced arrives. */
  crash(): void;
  /** The process dies and the machine lives: what was written is there, and still not synced. */
  kill(): void;
  /** Dies by itself, in that way, when this many further steps were done; a write or sync has several. */
  dieAfter(steps: number, way: "crash" | "kill"): void;
  /** The next sync rejects, and what it had to write is lost while it can still be read (fsyncgate). */
  failNextSync(): void;
  /** How often it was synced. */
  readonly syncs: number;
  /** Test access to what is on the disk. */
  readonly disk: Uint8Array;
}

/** What disks are allowed to do to a file of fixed size, by `random`. */
export function createCrashingSlots(content: Uint8Array, random: (bound: number) => number): CrashingSlots {
  const disk = content.slice();
  let cache = content.slice();
  const dirty = new Set<number>();
  let life = 0;
  let syncs = 0;
  let syncFails = false;
  let death: { steps: number; way: "crash" | "kill" } | undefined;
  let file = startLife();

  function settle(sector: number): void {
    const start = sector * SECTOR_BYTES;
    disk.set(cache.subarray(start, start + SECTOR_BYTES), start);
  }

  function kill(): void {
    life += 1;
    death = undefined;
    file = startLife();
  }

  function crash(): void {
    for (const sector of dirty) if (random(2) === 0) settle(sector);
    dirty.clear();
    cache = disk.slice();
    kill();
  }

  function startLife(): SlotFile {
    const mine = life;
    async function step(): Promise<void> {
      await Promise.resolve();
      if (mine === life && death !== undefined && death.steps-- === 0)
        (death.way === "crash" ? crash : kill)();
      if (mine !== life) throw new Error("the process is gone");
    }
    function put(bytes: Uint8Array, offset: number): void {
      cache.set(bytes, offset);
      for (let at = offset; at < offset + bytes.length; at++) dirty.add(Math.floor(at / SECTOR_BYTES));
    }
    return {
      read: async () => {
        await step();
        return cache.slice();
      },
      write: async (bytes, offset) => {
        await step();
        const part = random(bytes.length + 1);
        put(bytes.subarray(0, part), offset);
        await step();
        put(bytes.subarray(part), offset + part);
        await step();
      },
      sync: async () => {
        await step();
        if (syncFails) {
          syncFails = false;
          dirty.clear();
          throw new Error("EIO: i/o error, fdatasync");
        }
        syncs += 1;
        for (const sector of dirty) settle(sector);
        dirty.clear();
        await step();
      },
      close: step,
    };
  }

  return {
    get file() {
      return file;
    },
    get syncs() {
      return syncs;
    },
    disk,
    crash,
    kill,
    dieAfter(steps, way) {
      death = { steps, way };
    },
    failNextSync() {
      syncFails = true;
    },
  };
}

/** An Ed25519 key of its own. */
export function makeSigner(): ConsensusSigner {
  const { publicKey, privateKey } = generateKeyPairSync("ed25519");
  return {
    publicKey: new Uint8Array(publicKey.export({ format: "der", type: "spki" }).subarray(-32)),
    sign: (message) => new Uint8Array(sign(null, message, privateKey)),
  };
}

export function signBytesOf(content: SignedContent): Uint8Array {
  return content.type === CHANGE_VIEW
    ? changeViewSignBytes(content.scope, content.view, content.prepared)
    : voteSignBytes(content.scope, content.view, content.type, content.blockHash);
}
