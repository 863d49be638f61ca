/** What a remote signer takes of nodes, and what it reads from its disk. */
import { sodiumCrypto } from "../../packages/node/src/crypto/sodium.ts";
import { decodeSlot, encodeSlot } from "../../packages/node/src/signer/guard-slots.ts";
import { judgeSigning, type Memory } from "../../packages/node/src/signer/sign-rules.ts";
import { createFrameReader, encodeFrame } from "../../packages/node/src/signer/signer-wire.ts";
import { signBytesOf } from "../../packages/node/src/signer/testing.ts";
import {
  COMMIT,
  changeViewSignBytes,
  decodeSignBytes,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  RECOVERY_REQUEST,
  voteSignBytes,
} from "../../packages/protocol/src/core/block/certificate.ts";
import { concatBytes, equalBytes, toHex } from "../../packages/protocol/src/core/bytes.ts";
import { assertInvariant, LhgError } from "../../packages/protocol/src/core/errors.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./targets.ts";

const H1 = new Uint8Array(32).fill(1);
const H2 = new Uint8Array(32).fill(2);
const SCOPE = { chainId: "test-00", epoch: 0, height: 9 };

const SIGNED = [
  voteSignBytes(SCOPE, 0, PREPARE_REQUEST, H1),
  voteSignBytes(SCOPE, 0, PREPARE_RESPONSE, H1),
  voteSignBytes(SCOPE, 0, COMMIT, H1),
  voteSignBytes(SCOPE, 0, COMMIT, H2),
  voteSignBytes(SCOPE, 0, RECOVERY_REQUEST, null),
  changeViewSignBytes(SCOPE, 1, null),
  changeViewSignBytes(SCOPE, 1, { view: 0, blockHash: H1 }),
  changeViewSignBytes(SCOPE, 2, { view: 0, blockHash: H2 }),
  voteSignBytes({ ...SCOPE, height: 10 }, 0, COMMIT, H1),
];

export function signerTargets(): Target[] {
  return [signBytesTarget(), requestsTarget(), stateTarget()];
}

function signBytesTarget(): Target {
  return {
    name: "sign bytes",
    draw: (random) => mutate(random, SIGNED),
    run(input) {
      assertInvariant(
        equalBytes(signBytesOf(decodeSignBytes(input)), input),
        "signed bytes have one encoding",
      );
    },
  };
}

/** A stream of requests at the guard's rules: whatever comes, no two contents of one slot are signed. */
function requestsTarget(): Target {
  const requests = SIGNED.map((message, id) => encodeFrame({ kind: "sign", id, message }));
  const streams = [...requests, concatBytes(...requests), concatBytes(...[...requests].reverse())];
  const others = [
    encodeFrame({ kind: "hello", publicKey: H1 }),
    encodeFrame({ kind: "signature", id: 1, signature: new Uint8Array(64) }),
    encodeFrame({ kind: "refused", id: 1, reason: "no" }),
  ];
  return {
    name: "signer requests",
    draw: (random) => mutate(random, [...streams, ...others]),
    run(input) {
      const reader = createFrameReader();
      const cut = input.length >> 1;
      const frames = [...reader.push(input.subarray(0, cut)), ...reader.push(input.subarray(cut))];
      const encoded = concatBytes(...frames.map(encodeFrame));
      assertInvariant(equalBytes(encoded, input.subarray(0, encoded.length)), "a frame has one encoding");
      signAll(frames.flatMap((frame) => (frame.kind === "sign" ? [frame.message] : [])));
    },
  };
}

function signAll(messages: readonly Uint8Array[]): void {
  const bySlot = new Map<string, Uint8Array>();
  let memory: Memory = [];
  for (const message of messages) {
    try {
      const content = decodeSignBytes(message);
      memory = judgeSigning(memory, content, message);
      if (content.type === RECOVERY_REQUEST) continue;
      const { chainId, height } = content.scope;
      const slot = `${chainId} ${height} ${content.view} ${content.type}`;
      const before = bySlot.get(slot) ?? message;
      assertInvariant(equalBytes(before, message), `one content of ${slot}`);
      bySlot.set(slot, message);
    } catch (error) {
      if (!(error instanceof LhgError)) throw error;
    }
  }
  const state = { publicKey: H1, sequence: 1, chains: memory };
  assertInvariant(
    toHex(encodeSlot(decodeSlot(encodeSlot(state))!)) === toHex(encodeSlot(state)),
    "is kept whole",
  );
}

const MAGIC_BYTES = 8;
const HEADER_BYTES = MAGIC_BYTES + 4;
const CHECKSUM_BYTES = 32;

/** The memory in a slot, damaged and under a checksum that fits: what another version or a careless hand may have written. */
function stateTarget(): Target {
  let memory: Memory = [];
  for (const message of [SIGNED[0]!, SIGNED[2]!, SIGNED[6]!])
    memory = judgeSigning(memory, decodeSignBytes(message), message);
  const slot = encodeSlot({ publicKey: H1, sequence: 7, chains: memory });
  const body = slot.subarray(HEADER_BYTES, slot.length - CHECKSUM_BYTES);
  return {
    name: "signer state",
    acceptedAs: "read",
    draw: (random) => mutate(random, [body]),
    run(input) {
      const length = new Uint8Array(4);
      new DataView(length.buffer).setUint32(0, input.length);
      const content = concatBytes(slot.subarray(0, MAGIC_BYTES), length, input);
      const sealed = concatBytes(content, sodiumCrypto.sha256(content));
      const state = decodeSlot(sealed);
      assertInvariant(state !== undefined, "what has its checksum is read or refused");
      assertInvariant(equalBytes(encodeSlot(state), sealed), "a memory has one encoding");
    },
  };
}
