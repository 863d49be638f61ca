/** A thermometer that sends by HTTP. README.md says how to register it first. */
import { readFile } from "node:fs/promises";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { createDevice } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { createHttpSend } from "@lhg/sdk/device/http-send";
import { decryptKey } from "@lhg/sdk/keys/keystore";

const { LHG_URL = "http://127.0.0.1:8080", LHG_CHAIN = "" } = process.env;
const { LHG_DATA = "./lhg-data", LHG_PASSPHRASE = "" } = process.env;
const [name = "thermometer"] = process.argv.slice(2);

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
const { acknowledged, pending, problem } = await device.flush(createHttpSend(LHG_URL));
console.log(`recorded ${degrees} Cel as number ${seq}; sent ${acknowledged}, ${pending} wait`);
if (problem !== undefined) console.error(problem);
