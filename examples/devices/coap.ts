/** A thermometer that sends by CoAP, over UDP. README.md says how to register it first; start the node with --coap-port 5683. */
import { LhgError } from "@lhg/protocol/core/errors";
import { createCoapSend } from "@lhg/sdk/device/coap-send";
import { request } from "coap";
import { giveUp, openThermometer } from "./thermometer.ts";

const { LHG_COAP = "coap://127.0.0.1:5683" } = process.env;
const { hostname, port } = new URL(LHG_COAP);
const { name, device } = await openThermometer().catch(giveUp);

// Signed, numbered and saved before anything is sent: a power cut loses nothing and sends nothing twice.
const degrees = (20 + Math.random() * 5).toFixed(1);
const reading = `[{"n":"urn:dev:${name}","u":"Cel","v":${degrees}}]`;
const { seq } = await device.record(new TextEncoder().encode(reading)).catch(giveUp);

// Sends whatever waits, of earlier runs too. Over UDP nobody says that nobody listens: silence does.
const send = createCoapSend(request, { host: hostname, port: Number(port || 5683), timeoutMs: 5_000 });
const { acknowledged, pending, problem } = await device.flush(send);
console.log(`recorded ${degrees} Cel as number ${seq}; sent ${acknowledged}, ${pending} wait`);
if (problem instanceof LhgError && problem.code === "coap.timeout")
  giveUp(`no answer on ${LHG_COAP}: is the node started with --coap-port ${port || 5683}?`);
if (problem !== undefined) giveUp(problem);
