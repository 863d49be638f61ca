/** The four snapshot messages: what peers and offers may say without an answer that would end CometBFT. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create } from "@bufbuild/protobuf";
import {
  RequestApplySnapshotChunkSchema,
  RequestLoadSnapshotChunkSchema,
  RequestOfferSnapshotSchema,
  ResponseApplySnapshotChunk_Result,
  ResponseOfferSnapshot_Result,
} from "./abci/generated/abci_pb.ts";
import { createAbciHandler, type HandlerParts, type SnapshotReceiver } from "./abci-handler.ts";

function openHandler(parts: Partial<HandlerParts>) {
  return createAbciHandler(parts as HandlerParts);
}

const chunk = Uint8Array.of(1, 2, 3);

test("a chunk that is not there is empty, whatever height a peer asks for", async () => {
  const asked: number[][] = [];
  const handler = openHandler({
    snapshots: {
      list: async () => [],
      readChunk: async (...args) => {
        asked.push(args);
        return args[0] === 5 ? chunk : undefined;
      },
    },
  });
  const load = async (height: bigint) =>
    (await handler.loadSnapshotChunk(create(RequestLoadSnapshotChunkSchema, { height, format: 2, chunk: 1 })))
      .chunk;
  assert.deepEqual(await load(5n), chunk);
  for (const height of [0n, 6n, 1n << 53n, (1n << 64n) - 1n])
    assert.deepEqual(await load(height), new Uint8Array(0));
  assert.deepEqual(asked, [
    [5, 2, 1],
    [6, 2, 1],
  ]);
});

test("offers and chunks are answered as the ledger judges them", async () => {
  let verdict: Awaited<ReturnType<SnapshotReceiver["offer"]>> = "accepted";
  let outcome: Awaited<ReturnType<SnapshotReceiver["apply"]>> = "taken";
  const offers: unknown[] = [];
  const handler = openHandler({
    restore: {
      offer: async (...args) => {
        offers.push(args);
        return verdict;
      },
      apply: async () => outcome,
    },
  });
  const offer = async (height: bigint) =>
    (
      await handler.offerSnapshot(
        create(RequestOfferSnapshotSchema, {
          snapshot: { height, format: 2, chunks: 1, hash: chunk, metadata: chunk },
          appHash: chunk,
        }),
      )
    ).result;
  const { ACCEPT, REJECT, REJECT_FORMAT, ABORT } = ResponseOfferSnapshot_Result;
  assert.equal(await offer(7n), ACCEPT);
  assert.deepEqual(offers, [[{ height: 7, format: 2, chunks: 1, hash: chunk, metadata: chunk }, chunk]]);
  for (const [said, answer] of [
    ["rejected", REJECT],
    ["unknown-format", REJECT_FORMAT],
    ["unneeded", ABORT],
  ] as const) {
    verdict = said;
    assert.equal(await offer(7n), answer);
  }
  verdict = "accepted";
  for (const height of [0n, 1n << 60n]) assert.equal(await offer(height), REJECT);
  assert.equal((await handler.offerSnapshot(create(RequestOfferSnapshotSchema))).result, REJECT);

  const apply = () =>
    handler.applySnapshotChunk(create(RequestApplySnapshotChunkSchema, { index: 3, chunk, sender: "peer" }));
  const { ACCEPT: TAKEN, RETRY, REJECT_SNAPSHOT } = ResponseApplySnapshotChunk_Result;
  assert.deepEqual(await apply(), { result: TAKEN });
  outcome = "wrong";
  assert.deepEqual(await apply(), { result: RETRY, refetchChunks: [3], rejectSenders: ["peer"] });
  outcome = "failed";
  assert.deepEqual(await apply(), { result: REJECT_SNAPSHOT });
});
