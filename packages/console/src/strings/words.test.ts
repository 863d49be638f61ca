import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_PARAMETERS } from "@lhg/protocol/core/parameters";
import { STATUS } from "@lhg/protocol/core/status";
import { OUTCOMES, PARAMETERS } from "./en-words.ts";

test("every outcome and every parameter of the ledger has its words", () => {
  const failures = Object.keys(STATUS).filter((name) => name !== "ok");
  assert.deepEqual(
    failures.filter((name) => !(name in OUTCOMES)),
    [],
  );
  assert.deepEqual(
    Object.keys(DEFAULT_PARAMETERS).filter((name) => !(name in PARAMETERS)),
    [],
  );
});
