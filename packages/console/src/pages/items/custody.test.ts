import assert from "node:assert/strict";
import { test } from "node:test";
import type { KnownVendor } from "../../verify/use-vendors.ts";
import { findHolder } from "./custody.ts";

const IDENTITY = "https://id.gs1.org/01/09521004000014/21/A00000111";

function hold(...vendors: readonly KnownVendor[]): string | undefined {
  return findHolder(IDENTITY, new Map(vendors.map((known) => [known.vendor, known])));
}

test("the longest proven prefix wins, and one that is not proven never does", () => {
  const maker = { vendor: "maker", prefixes: ["9521004"], isProven: true };
  const branch = { vendor: "branch", prefixes: ["952100400"], isProven: true };
  assert.equal(hold(maker, branch), "branch");
  assert.equal(hold(branch, maker), "branch");
  assert.equal(hold(maker, { ...branch, isProven: false }), "maker");
  assert.equal(hold({ ...branch, isProven: false }), undefined);
  assert.equal(hold({ ...maker, prefixes: ["4012345"] }), undefined);
});
