import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rename, rm, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { connect as connectTls } from "node:tls";
import { startTestApi } from "../api/testing.ts";
import { checkCertificate, isRenewalDue } from "./certificate.ts";
import { openCertificateFiles } from "./certificate-files.ts";
import { createCertificateHolder } from "./certificate-holder.ts";
import { createRedirectServer } from "./redirect-server.ts";
import {
  createTestLogger,
  getOverTls,
  type MadeCertificate,
  makeCertificate,
  WITHOUT_OPENSSL,
} from "./testing.ts";

const DAY_MS = 86_400_000;

let folder: string;
let [first, second]: MadeCertificate[] = [];

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "lhg-tls-"));
  if (WITHOUT_OPENSSL === false)
    [first, second] = [makeCertificate(folder, "first"), makeCertificate(folder, "second")];
});

after(() => rm(folder, { recursive: true }));

const skip = WITHOUT_OPENSSL;

test("the API speaks HTTPS with its certificate, and nothing below TLS 1.2", { skip }, async () => {
  const node = await startTestApi({}, {}, createCertificateHolder(first));
  try {
    assert.match(node.url, /^https:/);
    const seen = await getOverTls(`${node.url}/api/v1/status`, first!.cert);
    assert.deepEqual([seen.status, seen.name], [200, "first"]);
    const foreign = await getOverTls(`${node.url}/api/v1/status`, first!.cert, { host: "evil.example" });
    assert.equal(foreign.status, 421);
    const old = connectTls({
      port: Number(new URL(node.url).port),
      ca: first!.cert,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    });
    const [error] = await once(old, "error");
    assert.match(String((error as Error).message), /alert|protocol/i);
  } finally {
    await node.api.stop();
  }
});

test("who speaks no TLS is cut off without an answer", { skip }, async () => {
  const node = await startTestApi({}, {}, createCertificateHolder(first));
  try {
    assert.equal(await node.writeRaw("GET /api/v1/status HTTP/1.1\r\nhost: localhost\r\n\r\n"), "");
  } finally {
    await node.api.stop();
  }
});

test("without a certificate yet handshakes fail, and succeed once it is issued", { skip }, async () => {
  const holder = createCertificateHolder(undefined);
  const node = await startTestApi({}, {}, holder);
  try {
    await assert.rejects(getOverTls(`${node.url}/api/v1/status`, first!.cert));
    holder.replace(first!);
    assert.equal((await getOverTls(`${node.url}/api/v1/status`, first!.cert)).status, 200);
  } finally {
    await node.api.stop();
  }
});

test("silent connections give way to one that asks, over TLS too", { skip }, async () => {
  const node = await startTestApi({}, { connectionsMax: 4 }, createCertificateHolder(first));
  const silent: Socket[] = [];
  try {
    const cut = [];
    for (let i = 0; i < 8; i += 1) {
      const socket = connect(Number(new URL(node.url).port), "127.0.0.1");
      socket.on("error", () => {});
      silent.push(socket);
      await once(socket, "connect");
      if (i < 4) cut.push(once(socket, "close"));
    }
    await Promise.all(cut);
    assert.equal((await getOverTls(`${node.url}/api/v1/status`, first!.cert)).status, 200);
  } finally {
    for (const socket of silent) socket.destroy();
    await node.api.stop();
  }
});

test("a renewed certificate is taken over, a broken one is not", { skip }, async () => {
  const place = await mkdtemp(join(folder, "live-"));
  const [certFile, keyFile] = [join(place, "chain.pem"), join(place, "key.pem")];
  const install = async ({ cert, key }: { cert: string; key: string }): Promise<void> => {
    for (const [file, text] of [
      [keyFile, key],
      [certFile, cert],
    ] as const) {
      await writeFile(`${file}.new`, text);
      await rename(`${file}.new`, file);
    }
  };
  await install(first!);
  const logger = createTestLogger();
  const source = await openCertificateFiles(certFile, keyFile, logger);
  const node = await startTestApi({}, {}, source);
  const shown = async (): Promise<string> =>
    (await getOverTls(`${node.url}/api/v1/status`, `${first!.cert}${second!.cert}`)).name;
  try {
    assert.equal(await shown(), "first");
    await install({ cert: second!.cert, key: first!.key });
    assert.deepEqual(await logger.next(), {
      level: "error",
      message: "the new certificate cannot be used: the old one stays",
    });
    assert.equal(await shown(), "first");
    await install(second!);
    assert.deepEqual(await logger.next(), { level: "info", message: "the certificate was replaced" });
    assert.equal(await shown(), "second");
  } finally {
    source.stop();
    await node.api.stop();
  }
});

test("certificates are checked with their keys", { skip }, async () => {
  const { names, fromMs, untilMs } = checkCertificate(first!);
  assert.equal(names, "DNS:localhost, IP Address:127.0.0.1");
  assert.equal(untilMs - fromMs, 90 * DAY_MS);
  const refused = (part: object, field: string) =>
    assert.throws(() => checkCertificate({ ...first!, ...part }), { code: "tls.invalid", field });
  refused({ cert: "" }, "certificate");
  refused({ cert: "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" }, "certificate");
  refused({ key: "no key" }, "key");
  refused({ key: second!.key }, "key");
  await assert.rejects(openCertificateFiles(first!.certFile, second!.keyFile, createTestLogger()), {
    code: "tls.invalid",
    field: second!.keyFile,
  });
});

test("renewal is due 30 days before the end, or a third of a short life", () => {
  const due = (lifeDays: number, atDay: number): boolean =>
    isRenewalDue({ names: "", fromMs: 0, untilMs: lifeDays * DAY_MS }, atDay * DAY_MS);
  assert.deepEqual([due(90, 59.9), due(90, 60), due(365, 334), due(365, 335)], [false, true, false, true]);
  assert.deepEqual([due(6, 3.9), due(6, 4), due(6, 7)], [false, true, true]);
});

test("the plain port answers challenges and leads to the public URL, whatever the Host header says", async () => {
  const server = createRedirectServer({ host: "127.0.0.1", port: 0, publicUrl: "https://node.example/" });
  server.challenges.set("token-1", "token-1.print");
  const port = await server.start();
  const get = (path: string, init: RequestInit = {}): Promise<Response> =>
    fetch(`http://127.0.0.1:${port}${path}`, { redirect: "manual", ...init });
  try {
    const found = await get("/.well-known/acme-challenge/token-1");
    assert.deepEqual([found.status, await found.text()], [200, "token-1.print"]);
    assert.equal((await get("/.well-known/acme-challenge/token-2")).status, 404);
    const led = await get("/item/1?q=2");
    assert.deepEqual([led.status, led.headers.get("location")], [308, "https://node.example/item/1?q=2"]);
    const twice = await get("//evil.example/");
    assert.equal(new URL(twice.headers.get("location") ?? "").host, "node.example");
    assert.equal((await get("/api/v1/statements", { method: "POST", body: "x" })).status, 405);
  } finally {
    await server.stop();
  }
});
