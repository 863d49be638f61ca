/** A thermometer that sends by HTTP. README.md says how to register it first. */
import { createHttpSend } from "@lhg/sdk/device/http-send";
import { giveUp, openThermometer } from "./thermometer.ts";

const { LHG_URL = "http://127.0.0.1:8080" } = process.env;
const { name, device } = await openThermometer().catch(giveUp);

// Signed, numbered and saved before anything is sent: a power cut loses nothing and sends nothing twice.
const degrees = (20 + Math.random() * 5).toFixed(1);
const reading = `[{"n":"urn:dev:${name}","u":"Cel","v":${degrees}}]`;
const { seq } = await device.record(new TextEncoder().encode(reading)).catch(giveUp);

// Sends whatever waits, of earlier runs too.
const { acknowledged, pending, problem } = await device.flush(createHttpSend(LHG_URL));
console.log(`recorded ${degrees} Cel as number ${seq}; sent ${acknowledged}, ${pending} wait`);
if (problem !== undefined) giveUp(problem);
