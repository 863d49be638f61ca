/** What devices send besides statements: CoAP datagrams, and plain readings at a gateway. */
import { readGatewayConfig } from "../../packages/node/src/cli/gateway/config.ts";
import { makeDocument, makeEvent } from "../../packages/node/src/cli/gateway/event.ts";
import { readPlain } from "../../packages/node/src/cli/gateway/readings.ts";
import {
  decodeMessage,
  encodeMessage,
  NON_CONFIRMABLE,
  OPTIONS,
} from "../../packages/node/src/gateway/coap/message.ts";
import { encodeUtf8, equalBytes } from "../../packages/protocol/src/core/bytes.ts";
import { assertInvariant } from "../../packages/protocol/src/core/errors.ts";
import { readCapturedEvents } from "../../packages/sdk/src/capture/build.ts";
import { mutate } from "./mutate.ts";
import type { Target } from "./targets.ts";

const NOW_MS = Date.UTC(2026, 0, 5);

export function deviceTargets(): Target[] {
  return [coapTarget(), readingsTarget()];
}

function coapTarget(): Target {
  const options = [
    { number: OPTIONS.uriPath, value: encodeUtf8("v1") },
    { number: OPTIONS.uriPath, value: encodeUtf8("up") },
    { number: OPTIONS.contentFormat, value: new Uint8Array([18]) },
    { number: OPTIONS.block1, value: new Uint8Array([0x0e]) },
  ];
  const head = { type: NON_CONFIRMABLE, code: 2, messageId: 1, token: new Uint8Array(8) };
  const seeds = [encodeMessage({ ...head, options, payload: new Uint8Array(64) })];
  return {
    name: "coap",
    draw: (random) => mutate(random, seeds),
    run(input) {
      const message = decodeMessage(input);
      const bytes = encodeMessage(message);
      assertInvariant(equalBytes(encodeMessage(decodeMessage(bytes)), bytes), "a message is read as written");
    },
  };
}

function readingsTarget(): Target {
  const measure = { type: "Temperature", uom: "CEL" };
  const devices = { fridge: { deviceId: "urn:dev:mac:1", readings: { temperature: measure } } };
  const file = { name: "g", vendor: "v", key: "k", http: { port: 0 }, devices };
  const device = readGatewayConfig(JSON.stringify(file)).devices.get("fridge")!;
  const seeds = [
    encodeUtf8('{"temperature":4.125,"time":"2026-01-04T12:00:00Z"}'),
    encodeUtf8(
      '[{"bn":"urn:dev:mac:1:","bt":1767500000,"n":"temperature","v":2.5},{"n":"temperature","t":5,"v":-1e2}]',
    ),
    encodeUtf8("21.5"),
  ];
  return {
    name: "plain readings",
    draw: (random) => mutate(random, seeds),
    run(input) {
      const readings = readPlain(device, input, NOW_MS);
      const [captured] = readCapturedEvents(makeDocument([makeEvent("g", device, readings)], NOW_MS));
      assertInvariant(
        captured?.event.sensorReports.length === readings.length,
        "every reading is in the event",
      );
    },
  };
}
