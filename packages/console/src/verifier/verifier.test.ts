import assert from "node:assert/strict";
import { test } from "node:test";
import { toHex } from "@lhg/protocol/core/bytes";
import { encode } from "@lhg/protocol/core/codec/definition";
import { computeChainId, type Genesis, genesis } from "@lhg/protocol/core/genesis";
import { nobleCrypto } from "@lhg/sdk/crypto/noble";
import fc from "fast-check";
import { TEST_GENESIS } from "../verify/testing.ts";
import { readGenesisFile, readOwnPin } from "./pin.ts";
import { readProofFile, readProofText } from "./read-proof.ts";

const account = new Uint8Array(20).fill(7);
const MADE: Genesis = {
  ...TEST_GENESIS,
  vendors: [{ account, name: "Acme <b>", prefixes: ["4012345"], credits: 1 }],
};
const BYTES = encode(genesis, MADE, "genesis");

test("the pin of the page and a genesis file in each of its forms trust the same chain", () => {
  const own = readOwnPin(JSON.stringify(toHex(BYTES)));
  const json = genesis.toJson(MADE);
  const text = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));
  assert.equal(own?.chainId, computeChainId(nobleCrypto, MADE));
  assert.equal(own?.names.get(toHex(account)), "Acme <b>");
  for (const file of [BYTES, text(json), text({ genesis: json })])
    assert.deepEqual(readGenesisFile(file), own);
});

test("a page that nobody pinned trusts nothing, and what is no genesis is refused", () => {
  assert.equal(readOwnPin('"__LHG_PINNED_GENESIS__"'), undefined);
  assert.throws(() => readOwnPin('"00"'), { name: "LhgError" });
  for (const file of [
    new Uint8Array(),
    new Uint8Array(9),
    new TextEncoder().encode("{"),
    new TextEncoder().encode("{}"),
  ])
    assert.throws(() => readGenesisFile(file), { name: "LhgError" });
});

test("bytes come back from every text form", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (bytes) => {
      const hex = toHex(bytes);
      const base64 = Buffer.from(bytes).toString("base64");
      // Digits alone can be read as either; they are hexadecimal then.
      const texts = [hex, ` 0x${hex}\n`, JSON.stringify({ height: 1, bytes: hex })];
      texts.push(JSON.stringify({ proof: { kind: "value", bytes: hex } }));
      if (!/^[0-9a-fA-F]+$/.test(base64)) texts.push(base64, Buffer.from(bytes).toString("base64url"));
      for (const text of texts)
        if (!/^[0-9a-fA-F]+$/.test(text) || text === hex) assert.deepEqual(readProofText(text), bytes, text);
    }),
  );
});

test("a file may hold the bytes or their text", async () => {
  const bytes = Uint8Array.of(0x87, 1, 2, 0xff);
  assert.deepEqual(await readProofFile(new Blob([bytes])), bytes);
  assert.deepEqual(await readProofFile(new Blob([toHex(bytes)])), bytes);
  await assert.rejects(readProofFile(new Blob(["no proof $"])), { code: "proof.text" });
});
