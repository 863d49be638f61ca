/** A thermometer that sends by MQTT. README.md says how to register it first. */
import { readFile } from "node:fs/promises";
import { toHex } from "@lhg/protocol/core/bytes";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { createDevice } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { makeGatewayPassword } from "@lhg/sdk/device/gateway-password";
import { createMqttSend } from "@lhg/sdk/device/mqtt-send";
import { decryptKey } from "@lhg/sdk/keys/keystore";
import { connectAsync } from "mqtt";

const { LHG_MQTT = "mqtt://127.0.0.1:1883", LHG_CHAIN = "" } = process.env;
const { LHG_DATA = "./lhg-data", LHG_PASSPHRASE = "" } = process.env;
const [name = "thermometer"] = process.argv.slice(2);

const keyFile = JSON.parse(await readFile(`${LHG_DATA}/keys/${name}.json`, "utf8"));
const signer = createNodeSigner(decryptKey(keyFile, LHG_PASSPHRASE));
const store = createFileStore(`./${name}.state`);
const device = await createDevice({ signer, chainId: LHG_CHAIN, store });

// Signed, numbered and saved before anything is sent: a power cut loses nothing and sends nothing twice.
const degrees = (20 + Math.random() * 5).toFixed(1);
const reading = `[{"n":"urn:dev:${name}","u":"Cel","v":${degrees}}]`;
const { seq } = await device.record(new TextEncoder().encode(reading));

// The device's address is its name at the broker; a signature over it, good for an hour, is its password.
const address = toHex(device.address);
const proof = makeGatewayPassword(signer, { chainId: LHG_CHAIN, expiryMs: Date.now() + 3_600_000 });
const client = await connectAsync(LHG_MQTT, {
  clientId: address,
  username: address,
  password: Buffer.from(proof),
  will: { topic: `lhg/v1/${address}/status`, payload: Buffer.from("offline"), qos: 1 },
});
const send = createMqttSend(client, { address: device.address, onReply: (reply) => console.log(reply) });

// Sends whatever waits, of earlier runs too.
const { acknowledged, pending, problem } = await device.flush(send);
console.log(`recorded ${degrees} Cel as number ${seq}; sent ${acknowledged}, ${pending} wait`);
if (problem !== undefined) console.error(problem);
await client.endAsync();
