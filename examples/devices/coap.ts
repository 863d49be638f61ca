/** A thermometer that sends by CoAP, over UDP. README.md says how to register it first; start the node with --coap-port 5683. */
import { readFile } from "node:fs/promises";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { createCoapSend } from "@lhg/sdk/device/coap-send";
import { createDevice } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { decryptKey } from "@lhg/sdk/keys/keystore";
import { request } from "coap";

const { LHG_COAP = "coap://127.0.0.1:5683", LHG_CHAIN = "" } = process.env;
const { LHG_DATA = "./lhg-data", LHG_PASSPHRASE = "" } = process.env;
const [name = "thermometer"] = process.argv.slice(2);
const { hostname, port } = new URL(LHG_COAP);

// The device knows its chain by its id (lhg status shows it): what it signs counts nowhere else.
const keyFile = JSON.parse(await readFile(`${LHG_DATA}/keys/${name}.json`, "utf8"));
const signer = createNodeSigner(decryptKey(keyFile, LHG_PASSPHRASE));
const store = createFileStore(`./${name}.state`);
const device = await createDevice({ signer, chainId: LHG_CHAIN, store });

// Signed, numbered and saved before anything is sent: a power cut loses nothing and sends nothing twice.
const degrees = (20 + Math.random() * 5).toFixed(1);
const reading = `[{"n":"urn:dev:${name}","u":"Cel","v":${degrees}}]`;
const { seq } = await device.record(new TextEncoder().encode(reading));

// Sends whatever waits, of earlier runs too.
const send = createCoapSend(request, { host: hostname, port: Number(port || 5683) });
const { acknowledged, pending, problem } = await device.flush(send);
console.log(`recorded ${degrees} Cel as number ${seq}; sent ${acknowledged}, ${pending} wait`);
if (problem !== undefined) console.error(problem);
