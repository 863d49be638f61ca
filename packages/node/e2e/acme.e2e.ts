import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { mkdir, mkdtemp, readdir, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { getOverTls, makeCertificate, makeExpiredCertificate, WITHOUT_OPENSSL } from "../src/tls/testing.ts";
import { findFreePort, findPebble, startPebble, waitForText } from "./pebble.ts";

const LHG = join(import.meta.dirname, "../src/cli/main.ts");

const found = WITHOUT_OPENSSL === false ? await findPebble() : { reason: WITHOUT_OPENSSL };
const skip = "reason" in found ? found.reason : false;
const folder = await mkdtemp(join(tmpdir(), "lhg-acme-"));
const children: ChildProcess[] = [];

after(async () => {
  for (const child of children) child.kill("SIGKILL");
  await rm(folder, { recursive: true });
});

interface AcmeNode {
  readonly child: ChildProcess;
  readonly listenUrl: string;
  stop(): Promise<number | null>;
}

/** Starts a node that orders a certificate for localhost, and waits until it has said `pattern` too. */
async function startNode(
  data: string,
  directoryUrl: string,
  httpPort: number,
  ca: string,
  pattern: RegExp,
): Promise<AcmeNode> {
  const acme = ["--acme", "localhost", "--acme-directory", directoryUrl, "--http-port", String(httpPort)];
  const child = spawn(
    process.execPath,
    [LHG, "dev", "--data", data, "--port", "0", "--log-level", "info", ...acme],
    { env: { ...process.env, NODE_EXTRA_CA_CERTS: ca }, stdio: ["ignore", "pipe", "pipe"] },
  );
  children.push(child);
  const ended = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const [text] = await Promise.all([
    waitForText(child, /^listens {2}https:\S+$/m),
    waitForText(child, pattern),
  ]);
  return {
    child,
    listenUrl: /^listens {2}(\S+)$/m.exec(text)?.[1] ?? "",
    stop: () => {
      child.kill("SIGTERM");
      return ended;
    },
  };
}

test("a node renews its expired certificate, serves the new one, and keeps it over a restart", {
  skip,
}, async () => {
  assert.ok("path" in found);
  const own = makeCertificate(folder, "pebble");
  const expired = makeExpiredCertificate(folder, "expired");
  const httpPort = await findFreePort();
  const pebble = await startPebble({ path: found.path, folder, ...own, httpPort });
  try {
    const { directoryUrl } = pebble;
    const data = join(folder, "data");
    const place = join(data, "tls", new URL(directoryUrl).host.replace(":", "-"));
    await mkdir(place, { recursive: true });
    await writeFile(join(place, "localhost.pem"), `${expired.key}${expired.cert}`);

    const node = await startNode(data, directoryUrl, httpPort, own.certFile, /a certificate was issued/);
    const { body: root } = await getOverTls(pebble.rootUrl, own.cert);
    const answer = await getOverTls(`${node.listenUrl}/api/v1/status`, root);
    assert.equal(answer.status, 200);
    const led = await fetch(`http://127.0.0.1:${httpPort}/api/v1/status`, { redirect: "manual" });
    assert.equal(led.headers.get("location"), "https://localhost/api/v1/status");
    assert.deepEqual((await readdir(place)).sort(), ["account.key", "localhost.pem"]);
    for (const file of ["account.key", "localhost.pem"])
      assert.equal((await stat(join(place, file))).mode & 0o777, 0o600);
    assert.equal(await node.stop(), 0);

    await pebble.stop();
    const again = await startNode(data, directoryUrl, httpPort, own.certFile, /the API is up/);
    assert.equal((await getOverTls(`${again.listenUrl}/api/v1/status`, root)).status, 200);
    assert.equal(await again.stop(), 0);
  } finally {
    await pebble.stop();
  }
});

test("a node whose order fails says so, runs on, and stops at once", { skip: WITHOUT_OPENSSL }, async () => {
  const own = makeCertificate(folder, "nobody");
  const httpPort = await findFreePort();
  const nobody = `https://localhost:${await findFreePort()}/dir`;
  const failed = /no certificate was issued/;
  const node = await startNode(join(folder, "alone"), nobody, httpPort, own.certFile, failed);
  const led = await fetch(`http://127.0.0.1:${httpPort}/`, { redirect: "manual" });
  assert.equal(led.status, 308);
  assert.equal(await node.stop(), 0);
});
