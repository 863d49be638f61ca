/** What the ABCI server takes from its socket: frames, and the requests in them. */
import { readFileSync } from "node:fs";
import { createFrameReader, encodeFrame } from "../../packages/node/src/consensus/comet/abci/framing.ts";
import { decodeRequest } from "../../packages/node/src/consensus/comet/abci/handler.ts";
import { encodeRequest } from "../../packages/node/src/consensus/comet/abci/testing.ts";
import { concatBytes, equalBytes, fromHex } from "../../packages/protocol/src/core/bytes.ts";
import { assertInvariant } from "../../packages/protocol/src/core/errors.ts";
import { expectNoRefusal } from "./expect-no-refusal.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./targets.ts";

const FRAME_BYTES_MAX = 1 << 15;
const GOLDEN = new URL("../../packages/node/src/consensus/comet/abci/golden/golden.json", import.meta.url);

function unframe(frame: Uint8Array): Uint8Array {
  const reader = createFrameReader(frame.length);
  reader.push(frame);
  return reader.next()!;
}

/** A stream in two chunks: what is a frame has one encoding, and what is a request means the same when it is written again. */
export function abciTarget(): Target {
  const { requests } = JSON.parse(readFileSync(GOLDEN, "utf8")) as { requests: { readonly hex: string }[] };
  const frames = requests.map(({ hex }) => fromHex(hex));
  const streams = frames.map((frame, i) => concatBytes(frame, frames[(i + 7) % frames.length]!));
  return {
    name: "abci requests",
    draw: (random) => mutate(random, [...frames, ...streams]),
    run(input) {
      const reader = createFrameReader(FRAME_BYTES_MAX);
      const cut = input.length >> 1;
      let read = 0;
      for (const chunk of [input.subarray(0, cut), input.subarray(cut)]) {
        reader.push(chunk);
        for (let message = reader.next(); message !== undefined; message = reader.next()) {
          const frame = encodeFrame(message);
          assertInvariant(
            equalBytes(frame, input.subarray(read, read + frame.length)),
            "a frame has one encoding",
          );
          read += frame.length;
          const written = encodeRequest(decodeRequest(message));
          expectNoRefusal(() => {
            const again = encodeRequest(decodeRequest(unframe(written)));
            assertInvariant(equalBytes(again, written), "what is written again means the same");
          });
        }
      }
      assertInvariant(reader.isUnfinished === read < input.length, "what is not read is known");
    },
  };
}
