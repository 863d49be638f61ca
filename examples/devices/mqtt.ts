/** A thermometer that sends by MQTT. README.md says how to register it first. */
import { toHex } from "@lhg/protocol/core/bytes";
import { makeGatewayPassword } from "@lhg/sdk/device/gateway-password";
import { createMqttSend } from "@lhg/sdk/device/mqtt-send";
import { connectAsync } from "mqtt";
import { giveUp, openThermometer } from "./thermometer.ts";

const { LHG_MQTT = "mqtt://127.0.0.1:1883" } = process.env;
const { name, chainId, signer, device } = await openThermometer().catch(giveUp);

// Signed, numbered and saved before anything is sent: a power cut loses nothing and sends nothing twice.
const degrees = (20 + Math.random() * 5).toFixed(1);
const reading = `[{"n":"urn:dev:${name}","u":"Cel","v":${degrees}}]`;
const { seq } = await device.record(new TextEncoder().encode(reading)).catch(giveUp);

// The device's address is its name at the broker; a signature over it, good for an hour, is its password.
const address = toHex(device.address);
const proof = makeGatewayPassword(signer, { chainId, expiryMs: Date.now() + 3_600_000 });
const connection = {
  clientId: address,
  username: address,
  password: Buffer.from(proof),
  will: { topic: `lhg/v1/${address}/status`, payload: Buffer.from("offline"), qos: 1 },
} as const;
const client = await connectAsync(LHG_MQTT, connection, false).catch((error: Error) =>
  giveUp(`recorded as number ${seq}, which waits: no connection to ${LHG_MQTT} (${error.message})`),
);
const send = createMqttSend(client, { address: device.address, onReply: (reply) => console.log(reply) });

// Sends whatever waits, of earlier runs too.
const { acknowledged, pending, problem } = await device.flush(send);
console.log(`recorded ${degrees} Cel as number ${seq}; sent ${acknowledged}, ${pending} wait`);
await client.endAsync();
if (problem !== undefined) giveUp(problem);
