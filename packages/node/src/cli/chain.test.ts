import assert from "node:assert/strict";
import { test } from "node:test";
import type { StatementState } from "@lhg/sdk/client/types";
import { waitFor } from "./chain.ts";

const id = "ab".repeat(32);
const chainOf = (state: object) => ({ client: { waitFor: async () => state as StatementState } });

test("a statement that waits says what for", async () => {
  const waitingFor = {
    code: "device.rate",
    field: "device",
    message: "device: the device may use 2 credits a day",
  };
  await assert.rejects(waitFor(chainOf({ id, state: "pending", waitingFor }), id, "committed"), {
    code: "statement.waiting",
    message: `${id}: waits: the device may use 2 credits a day (device.rate)`,
  });
  await assert.rejects(waitFor(chainOf({ id, state: "pending" }), id, "committed"), {
    code: "statement.waiting",
    message: /nothing became of/,
  });
});
