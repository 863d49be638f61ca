/** Messages of the next height, unverified, until this node is there. No peer can take more than its share of the room. */
import type { PeerId } from "../p2p/network.ts";
import type { Message } from "./dbft/messages.ts";
import type { Outcome } from "./driver.ts";

interface Ahead {
  readonly message: Message;
  readonly from: PeerId;
  readonly sizeBytes: number;
  readonly answer: (outcome: Outcome) => void;
}

const MESSAGES_MAX = 256;
const BYTES_MAX = 16 << 20;
/** Of either, what one peer may have: four that flood leave nothing, and are scored for it elsewhere. */
const SHARE = 4;

export interface AheadBuffer {
  /** False where there is no room for it, and it was answered. */
  keep(entry: Ahead): boolean;
  takeAll(): Ahead[];
}

export function createAheadBuffer(): AheadBuffer {
  let kept: Ahead[] = [];
  const hasRoom = ({ from, sizeBytes }: Ahead): boolean => {
    let bytes = sizeBytes;
    let ofPeer = 1;
    let bytesOfPeer = sizeBytes;
    for (const entry of kept) {
      bytes += entry.sizeBytes;
      if (entry.from !== from) continue;
      ofPeer += 1;
      bytesOfPeer += entry.sizeBytes;
    }
    const isWithin = kept.length < MESSAGES_MAX && bytes <= BYTES_MAX;
    return isWithin && ofPeer <= MESSAGES_MAX / SHARE && bytesOfPeer <= BYTES_MAX / SHARE;
  };
  return {
    keep(entry) {
      if (hasRoom(entry)) {
        kept.push(entry);
        return true;
      }
      entry.answer("unheard");
      return false;
    },
    takeAll() {
      const taken = kept;
      kept = [];
      return taken;
    },
  };
}
