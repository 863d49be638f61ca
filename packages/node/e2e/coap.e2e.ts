/** Devices over CoAP against a real node, and the programs of examples/devices as a beginner would run them. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
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

test("the examples and lhg device go on where the other stopped", async () => {
  const device = await register("shared");
  const extra = { LHG_CHAIN: dev.chainId, LHG_MQTT: dev.mqtt };
  const mqtt = () => runProgram(dev, [join(EXAMPLES, "mqtt.ts"), "shared"], extra);
  assert.match(await mqtt(), /as number 1; sent 1, 0 wait/);
  await runLhgJson(dev, "command", "send", "shared", "reboot");
  assert.equal((await runLhgJson(dev, "device", "answer", "shared", "--done")).followed[0].result, "done");
  assert.match(await mqtt(), /as number 3; sent 1, 0 wait/);
  const file = join(folder, "readings.json");
  await writeFile(file, '[{"n":"urn:dev:mac:1","u":"Cel","v":21.5}]');
  assert.equal((await runLhgJson(dev, "device", "record", "shared", file)).seq, 4);
  const { stream } = await runLhgJson(dev, "device", "show", device);
  assert.deepEqual([stream.headSeq, stream.gaps], [4, []]);
});

test("the examples say in one line what is missing, what was refused and who does not answer", async () => {
  const run = (program: string, name: string, extra: NodeJS.ProcessEnv) =>
    runProgram(dev, [join(EXAMPLES, `${program}.ts`), name], { LHG_CHAIN: dev.chainId, ...extra });
  const failsWith = (said: RegExp) => ({ message: new RegExp(`${said.source}\\n$`) });
  await assert.rejects(
    run("http", "shared", { LHG_CHAIN: "" }),
    failsWith(/: set LHG_CHAIN to what lhg status shows as the chain/),
  );
  await assert.rejects(
    run("http", "nobody", {}),
    failsWith(/: there is no key \S+: make it with lhg keys new nobody/),
  );
  await runLhgJson(dev, "keys", "new", "stranger");
  await assert.rejects(run("http", "stranger", {}), failsWith(/1 wait\n[^\n]+ \(device\.unknown\)/));
  await assert.rejects(
    run("mqtt", "shared", { LHG_MQTT: "mqtt://127.0.0.1:1" }),
    failsWith(/: recorded as number 5, which waits: no connection to mqtt:\/\/127\.0\.0\.1:1 \([^\n]+\)/),
  );
  const silent = createSocket("udp4").bind(0, "127.0.0.1");
  await once(silent, "listening");
  const { port } = silent.address();
  await assert.rejects(
    run("coap", "shared", { LHG_COAP: `coap://127.0.0.1:${port}` }),
    failsWith(
      new RegExp(
        `no answer on coap://127\\.0\\.0\\.1:${port}: is the node started with --coap-port ${port}\\?`,
      ),
    ),
  );
  silent.close();
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
