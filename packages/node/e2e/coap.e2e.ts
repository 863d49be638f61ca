/** Devices over CoAP against a real node, and the programs of examples/devices as a beginner would run them. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { toHex } from "@lhg/protocol/core/bytes";
import { createClient } from "@lhg/sdk/client/client";
import { createNodeSigner } from "@lhg/sdk/crypto/node";
import { createCoapSend } from "@lhg/sdk/device/coap-send";
import { createDevice } from "@lhg/sdk/device/device";
import { createFileStore } from "@lhg/sdk/device/file-store";
import { decryptKey } from "@lhg/sdk/keys/keystore";
import { request } from "coap";
import { type DevCommand, runLhgJson, runProgram, startDevCommand } from "./dev-command.ts";

const EXAMPLES = fileURLToPath(new URL("../../../examples/devices/", import.meta.url));

let folder: string;
let dev: DevCommand;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-coap-"));
  dev = await startDevCommand(folder);
});

after(async () => {
  await dev.stop();
  await rm(folder, { recursive: true, force: true });
});

async function register(name: string): Promise<string> {
  await runLhgJson(dev, "keys", "new", name);
  return (await runLhgJson(dev, "device", "register", name, "--model", "T-1000")).device;
}

test("the three examples send what a thermometer reads, one after the other in one stream", async () => {
  const device = await register("thermometer");
  const extra = {
    LHG_CHAIN: dev.chainId,
    LHG_MQTT: dev.mqtt,
    LHG_COAP: `coap://127.0.0.1:${dev.coapPort}`,
  };
  for (const [i, name] of ["http", "mqtt", "coap"].entries()) {
    const said = await runProgram(dev, [join(EXAMPLES, `${name}.ts`), "thermometer"], extra);
    assert.match(said, new RegExp(`as number ${i + 1}; sent 1, 0 wait`), name);
  }
  const client = createClient({ url: dev.url });
  const { items } = await client.listCollections(device);
  await client.waitFor(items[0]!.id, { until: "provable" });
  const { stream } = await runLhgJson(dev, "device", "show", device);
  assert.deepEqual([stream.headSeq, stream.readings, stream.gaps], [3, 3, []]);
});

test("long collections travel in blocks, and a refusal is the node's own", async () => {
  const address = await register("logger");
  const keyFile = JSON.parse(await readFile(join(folder, "keys/logger.json"), "utf8"));
  const signer = createNodeSigner(decryptKey(keyFile, "correct horse"));
  const store = createFileStore(join(folder, "logger.state"));
  const device = await createDevice({ signer, chainId: dev.chainId, store });
  const readings = Array.from({ length: 300 }, (_, i) => ({
    n: "urn:dev:mac:1:t",
    t: 1_700_000_000 + i,
    v: i,
  }));
  await device.record(new TextEncoder().encode(JSON.stringify(readings)));
  const send = createCoapSend(request, { host: "127.0.0.1", port: dev.coapPort });
  assert.deepEqual(await device.flush(send), { acknowledged: 1, pending: 0 });
  const client = createClient({ url: dev.url });
  await client.waitFor(toHex(device.state.headId), { until: "provable" });
  assert.equal((await client.getStream(address, 0)).readings, 300);
  const kept = device.state.kept[0]!.bytes.slice();
  kept[kept.length - 2]! ^= 1;
  await assert.rejects(send(kept), { code: "statement.signature" });
});
