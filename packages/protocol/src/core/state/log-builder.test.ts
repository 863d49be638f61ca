import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { byteString, concatBytes, encodeUtf8 } from "../bytes.ts";
import { hashLeaf } from "../merkle/log.ts";
import { SPACE_DERIVED, spaceKey } from "./layout.ts";
import { appendHashes, appendToLog, emptyLogHead, readLeafHashes } from "./log.ts";
import { LogBuilder } from "./log-builder.ts";
import { StateOverlay } from "./overlay.ts";

const hasher = { sha256: (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest()) };
const ID = ["log", 7] as const;
const leafOf = (i: number): Uint8Array => encodeUtf8(`leaf ${i}`);

const newOverlay = () => new StateOverlay({ getValue: () => undefined, getDerived: () => undefined });
const derivedOf = (overlay: StateOverlay): Map<string, Uint8Array> =>
  new Map(
    overlay.derivedChanges().map(({ key, value }) => [byteString(spaceKey(SPACE_DERIVED, key)), value]),
  );

test("a log that is built anew has the tiles, leaves and root of one that grew, at every size", () => {
  const grown = newOverlay();
  let head = emptyLogHead(hasher);
  for (let size = 0; size <= 300; size++) {
    const written = new Map<string, Uint8Array>();
    const builder = new LogBuilder(hasher, ID, ({ key, value }) => written.set(byteString(key), value!));
    for (let i = 0; i < size; i++) builder.appendLeaf(leafOf(i));
    assert.deepEqual(builder.finish(), head);
    assert.deepEqual(written, derivedOf(grown));
    head = appendToLog(hasher, grown, ID, head, leafOf(size));
  }
});

test("hashes that are read from a log build the same log, however much it grew since", () => {
  const overlay = newOverlay();
  const hashes = Array.from({ length: 700 }, (_, i) => hashLeaf(hasher, leafOf(i)));
  const head = appendHashes(hasher, overlay, ID, 0, hashes.slice(0, 500));
  const before = derivedOf(overlay);
  appendHashes(hasher, overlay, ID, 500, hashes.slice(500));
  const read = concatBytes(readLeafHashes(overlay, ID, 0, 256), readLeafHashes(overlay, ID, 256, 500 - 256));
  assert.deepEqual(read, concatBytes(...hashes.slice(0, 500)));
  const written = new Map<string, Uint8Array>();
  const builder = new LogBuilder(hasher, ID, ({ key, value }) => written.set(byteString(key), value!));
  for (let at = 0; at < read.length; at += 32) builder.appendHash(read.slice(at, at + 32));
  assert.deepEqual(builder.finish(), head);
  assert.deepEqual(written, before);
});
