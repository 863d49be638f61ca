/** A thermometer that sends by HTTP. README.md says how to register it first. */
import { readFile } from "node:fs/promises";
import { createClient } from "@lhg/sdk/client/client";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { createDevice } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { createHttpSend } from "@lhg/sdk/device/http-send";
import { decryptKey } from "@lhg/sdk/keys/keystore";

const { LHG_URL = "http://127.0.0.1:8080", LHG_DATA = "./lhg-data", LHG_PASSPHRASE = "" } = process.env;
const [name = "thermometer"] = process.argv.slice(2);

// The key never leaves this file: what it signs is what the chain believes.
const keyFile = JSON.parse(await readFile(`${LHG_DATA}/keys/${name}.json`, "utf8"));
const signer = createNodeSigner(decryptKey(keyFile, LHG_PASSPHRASE));
const { chainId } = await createClient({ url: LHG_URL }).getStatus();
const device = await createDevice({ signer, chainId, store: createFileStore(`./${name}.state`) });

// Signed, numbered and saved before anything is sent: a power cut loses nothing and sends nothing twice.
const degrees = (20 + Math.random() * 5).toFixed(1);
const reading = `[{"n":"urn:dev:${name}","u":"Cel","v":${degrees}}]`;
const { seq } = await device.record(new TextEncoder().encode(reading));

// Sends whatever waits, of earlier runs too.
const { acknowledged, pending, problem } = await device.flush(createHttpSend(LHG_URL));
console.log(`recorded ${degrees} Cel as number ${seq}; sent ${acknowledged}, ${pending} wait`);
if (problem !== undefined) console.error(problem);
