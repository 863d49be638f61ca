import assert from "node:assert/strict";
import { test } from "node:test";
import { createPeerBook, noteAnswer } from "./peer-book.ts";

const opened = (book: ReturnType<typeof createPeerBook>, nowMs: number): string[] =>
  book.open(nowMs).map(({ id }) => id);

test("who does not keep its word is left alone, longer each time, over new connections too", () => {
  const book = createPeerBook();
  book.connect("a").claim = { first: 1, last: 9 };
  book.strike("a", 0);
  assert.equal(book.get("a")?.claim, undefined);
  assert.deepEqual([opened(book, 29_999), opened(book, 30_000)], [[], ["a"]]);
  book.strike("a", 30_000);
  book.disconnect("a");
  book.connect("a");
  assert.deepEqual([opened(book, 89_999), opened(book, 90_000)], [[], ["a"]]);
  book.disconnect("a");
  book.strike("a", 90_000);
  book.connect("a");
  assert.deepEqual([opened(book, 209_999), opened(book, 210_000)], [[], ["a"]]);
  for (let i = 0; i < 100; i++) book.strike("a", 210_000);
  assert.deepEqual(opened(book, 210_000 + 10 * 60_000), ["a"]);
});

test("the word of who broke it counts again only when it is asked for", () => {
  const book = createPeerBook();
  book.connect("a").claim = { first: 1, last: 9 };
  book.strike("a", 0);
  book.get("a")!.claim = { first: 1, last: 50 };
  book.connect("b").claim = { first: 5, last: 20 };
  assert.equal(book.bestClaim(5, false), 20);
  assert.equal(book.bestClaim(5, true), 50);
  assert.equal(book.bestClaim(4, false), undefined);
});

test("a peer is asked for as much as it gives in time", () => {
  const peer = createPeerBook().connect("a");
  const first = peer.askBytesMax;
  noteAnswer(peer, 100);
  assert.equal(peer.askBytesMax, 2 * first);
  noteAnswer(peer, 1_500);
  assert.equal(peer.askBytesMax, 2 * first);
  for (let i = 0; i < 20; i++) noteAnswer(peer, 5_000);
  assert.equal(peer.askBytesMax, 256 << 10);
  for (let i = 0; i < 20; i++) noteAnswer(peer, 10);
  assert.equal(peer.askBytesMax, 8 << 20);
});
