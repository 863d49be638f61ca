/** Bytes of bodies that are on their way at one time, over all connections: whoever sends slowly holds memory. */
import { Transform } from "node:stream";
import { LhgError } from "@lhg/protocol/core/errors";

export interface BodyBudget {
  /** Counts what passes through; fails with `body.busy` when all bodies together are more than the node holds. */
  meter(): Transform;
  readonly heldBytes: number;
}

export function createBodyBudget(bytesMax: number): BodyBudget {
  let heldBytes = 0;
  return {
    get heldBytes() {
      return heldBytes;
    },
    meter() {
      let own = 0;
      const meter = new Transform({
        transform(chunk: Buffer, _encoding, done) {
          own += chunk.length;
          heldBytes += chunk.length;
          if (heldBytes <= bytesMax) done(null, chunk);
          else done(new LhgError("body.busy", "the node is taking in too much at once; try again", "body"));
        },
      });
      meter.once("close", () => {
        heldBytes -= own;
      });
      return meter;
    },
  };
}
