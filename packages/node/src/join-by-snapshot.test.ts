/** A node without a chain begins with what its peers offer, and with nothing that is not the chain's. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { checkLastCertificate, parentOf } from "./blocks/last-certificate.ts";
import { matchesBase } from "./blocks/proposal.ts";
import { readConfig } from "./config.ts";
import { sodiumCrypto } from "./crypto/sodium.ts";
import { joinBySnapshot, offerSnapshots } from "./join-by-snapshot.ts";
import { createTestingHub } from "./p2p/testing.ts";
import { openSampleWorld } from "./queries/testing.ts";
import { makeFolder, openRestored, takeSnapshot } from "./snapshot/testing.ts";
import { openLevelStore } from "./store/level-store.ts";

const log = (): void => {};

test("chunks of honest peers make the state, whatever another one gives", async (context) => {
  const { chain } = await openSampleWorld();
  const { application, dev } = chain;
  const honest = await makeFolder(context);
  const forged = await makeFolder(context);
  const { info } = await takeSnapshot(application, honest, 2_000);
  await takeSnapshot(application, forged, 2_000);
  const chunk = join(forged, `${info.height}`, "1");
  const bytes = await readFile(chunk);
  bytes[bytes.length >> 1]! ^= 1;
  await writeFile(chunk, bytes);

  const hub = createTestingHub();
  context.after(offerSnapshots(hub.join("honest"), honest));
  context.after(offerSnapshots(hub.join("forger"), forged));
  const network = hub.join("newcomer");
  const dataDirectory = await makeFolder(context);
  const config = readConfig({ dataDirectory });
  const { genesis } = dev;
  const nowMs = application.head.timeMs;
  await joinBySnapshot({ config, genesis, network, log, nowMs, stopping: undefined, heightMin: 1 });

  const store = await openLevelStore(join(dataDirectory, "ledger"));
  context.after(() => store.close());
  const restored = await openRestored(genesis, store);
  assert.equal(restored.head.height, info.height);
  assert.deepEqual(restored.state.getAppHash(info.height), application.state.getAppHash(info.height));
  // What a node judges the next block by, the certificate of the restored one included.
  const { header, lastCertificate } = application.getBlock(info.height + 1)!;
  assert.ok(matchesBase(header, restored.tip.base));
  checkLastCertificate(sodiumCrypto, parentOf(restored.tip), lastCertificate);
});

test("a genesis that is older than keys are trusted begins nothing, unless a recent header is pinned", async (context) => {
  const { chain } = await openSampleWorld();
  const { application, dev } = chain;
  const folder = await makeFolder(context);
  await takeSnapshot(application, folder);
  const hub = createTestingHub();
  context.after(offerSnapshots(hub.join("honest"), folder));
  const network = hub.join("newcomer");
  const dataDirectory = await makeFolder(context);
  const nowMs = application.head.timeMs + 181 * 86_400_000;
  const parts = { genesis: dev.genesis, network, log, nowMs, stopping: undefined, heightMin: 1 };
  await joinBySnapshot({ ...parts, config: readConfig({ dataDirectory }) });
  assert.ok(!existsSync(join(dataDirectory, "ledger")));
});

test("who is offered nothing goes on by blocks", async (context) => {
  const { chain } = await openSampleWorld();
  const network = createTestingHub().join("alone");
  const dataDirectory = await makeFolder(context);
  const parts = { genesis: chain.dev.genesis, network, log, nowMs: Date.now(), stopping: undefined };
  await joinBySnapshot({ ...parts, config: readConfig({ dataDirectory, stateSync: "off" }) });
  await joinBySnapshot({ ...parts, config: readConfig({ dataDirectory }) });
  assert.ok(!existsSync(join(dataDirectory, "ledger")));
});

test("a node that is stopped while it looks says so", async (context) => {
  const { chain } = await openSampleWorld();
  const { genesis } = chain.dev;
  const network = createTestingHub().join("alone");
  const config = readConfig({ dataDirectory: await makeFolder(context) });
  const stopping = AbortSignal.timeout(50);
  const joining = joinBySnapshot({ config, genesis, network, log, nowMs: Date.now(), stopping });
  await assert.rejects(joining, { code: "node.stopped" });
});
