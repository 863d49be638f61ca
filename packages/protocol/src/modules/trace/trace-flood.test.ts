import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { canonicalIdentity } from "../../epcis/identity.ts";
import { epc, object, openTradingWorld } from "./testing-events.ts";
import { DEFAULT_TRACE_QUERY, traceItem } from "./trace-query.ts";
import { stateTraceReader } from "./trace-reader.ts";

const sha256 = (data: Uint8Array) => new Uint8Array(createHash("sha256").update(data).digest());

test("a flood of an outsider's remarks crowds out no custodian's word, and the answer says that there is more", () => {
  const { harness, alice, bob } = openTradingWorld(sha256);
  const own = ["ADD", "OBSERVE", "OBSERVE", "OBSERVE"];
  for (const action of own) assert.equal(harness.capture(alice, object(action, [epc("root")])).status, "ok");
  const crowd = Array.from({ length: 900 }, (_, n) => epc(`crowd-${n}`));
  for (let flood = 0; flood < 20; flood++)
    assert.equal(harness.capture(bob, object("OBSERVE", [epc("root"), ...crowd])).status, "ok");
  const identity = canonicalIdentity(epc("root"), "").key;
  const result = traceItem(stateTraceReader(harness.crypto, harness.state), identity, DEFAULT_TRACE_QUERY);
  assert.equal(result.steps.filter((step) => step.log === "custody").length, own.length);
  assert.ok(result.steps.some((step) => step.log === "observation"));
  assert.equal(result.isTruncated, true);
});
