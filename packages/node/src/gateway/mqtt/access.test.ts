import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { connectAsync } from "mqtt";
import { createCertificateHolder } from "../../tls/certificate-holder.ts";
import { type MadeCertificate, makeCertificate } from "../../tls/testing.ts";
import {
  closeOf,
  hearReplies,
  makeKey,
  makePassword,
  QOS1,
  startTestGateway,
  type TestGateway,
  upOf,
} from "./testing.ts";

const HOUR_MS = 3_600_000;

test("a password is the device's own, for this chain, and good for a day at most", async (t) => {
  const [device, other, stranger] = [makeKey(), makeKey(), makeKey()];
  const gateway = await startTestGateway(t, { registered: [device, other] });
  const offer = (password: Buffer | string, as = device, username = as.address): Promise<unknown> =>
    gateway.connect({ clientId: as.address, username, password });
  await offer(makePassword(device));
  await offer(makePassword(device).toString("hex"));
  const nowMs = Date.now();
  const wrong: readonly (readonly [string, Promise<unknown>])[] = [
    ["another's", offer(makePassword(other))],
    ["expired", offer(makePassword(device, nowMs - 1))],
    ["too long", offer(makePassword(device, nowMs + 25 * HOUR_MS))],
    ["other chain", offer(makePassword(device, nowMs + HOUR_MS, "lhg-other-00"))],
    ["no approval", offer("swordfish")],
    ["unregistered", offer(makePassword(stranger), stranger)],
    ["user name", offer(makePassword(device), device, other.address)],
  ];
  for (const [name, connecting] of wrong) await assert.rejects(connecting, { code: 4 }, name);
});

test("the client id is an address; without a password one is a stranger, unless passwords are required", async (t) => {
  const gateway = await startTestGateway(t);
  await gateway.connect();
  for (const clientId of ["sensor", "AB".repeat(20), "ab".repeat(21), "__proto__"])
    await assert.rejects(gateway.connect({ clientId }), { code: 2 }, clientId);
  const strict = await startTestGateway(t, { config: { authentication: "required" } });
  await assert.rejects(strict.connect(), { code: 5 });
});

test("a stranger does not take a known device's place, and is put out by it", async (t) => {
  const device = makeKey();
  const gateway = await startTestGateway(t, { registered: [device] });
  const stranger = await gateway.connect({ clientId: device.address });
  const closed = closeOf(stranger);
  const known = await gateway.connectKnown(device);
  await closed;
  await assert.rejects(gateway.connect({ clientId: device.address }), { code: 5 });
  assert.ok(known.connected);
  const left = closeOf(known);
  await gateway.connectKnown(device);
  await left;
  assert.ok(gateway.presence.isOnline(device.address), "the newer connection speaks for it");
});

test("one hears of one's own topics alone, and of commands with a password alone", async (t) => {
  const device = makeKey();
  const gateway = await startTestGateway(t, { registered: [device] });
  const own = `lhg/v1/${device.address}`;
  const foreign = `lhg/v1/${makeKey().address}`;
  const grantedTo = async (client: Awaited<ReturnType<TestGateway["connect"]>>): Promise<number[]> => {
    const filters = [
      `${own}/reply`,
      `${own}/#`,
      `${own}/commands`,
      `${foreign}/reply`,
      "#",
      "lhg/v1/+/reply",
      "$SYS/#",
    ];
    // mqtt.js rejects where one of many is refused, and tells which.
    const grants: number[] = [];
    for (const filter of filters)
      grants.push(
        await client.subscribeAsync(filter, QOS1).then(
          (all) => all[0]!.qos,
          () => 128,
        ),
      );
    return grants;
  };
  const stranger = await gateway.connect({ clientId: device.address });
  assert.deepEqual(await grantedTo(stranger), [1, 1, 128, 128, 128, 128, 128]);
  const known = await gateway.connectKnown(device);
  assert.deepEqual(await grantedTo(known), [1, 1, 1, 128, 128, 128, 128]);
});

test("presence follows the connection, the device's word and its last will", async (t) => {
  const device = makeKey();
  const gateway = await startTestGateway(t, { registered: [device] });
  const changes: boolean[] = [];
  let look = (): void => {};
  gateway.presence.subscribe(({ isOnline }) => {
    changes.push(isOnline);
    look();
  });
  const until = (count: number): Promise<void> =>
    new Promise((resolve) => {
      look = () => {
        if (changes.length >= count) resolve();
      };
      look();
    });
  const status = `lhg/v1/${device.address}/status`;
  const will = { topic: status, payload: Buffer.from("offline"), qos: 1, retain: true } as const;
  const client = await gateway.connectKnown(device, { will });
  await until(1);
  await client.publishAsync(status, "offline", QOS1);
  await client.publishAsync(status, "online", QOS1);
  client.stream.destroy();
  await until(4);
  assert.deepEqual(changes, [true, false, true, false]);
  assert.equal(gateway.presence.list()[0]?.isOnline, false);
});

test("a stranger has no status, and no will is taken but offline on the own status", async (t) => {
  const gateway = await startTestGateway(t);
  const client = await gateway.connect();
  const { next } = await hearReplies(client);
  await client.publishAsync(upOf(client).replace(/up$/, "status"), "online", QOS1);
  const reply = await next();
  assert.equal("code" in reply && reply.code, "mqtt.unauthenticated");
  assert.deepEqual(gateway.presence.list(), []);
  const { address } = makeKey();
  for (const [topic, payload] of [
    [`lhg/v1/${address}/up`, "offline"],
    [`lhg/v1/${address}/status`, "online"],
  ] as const) {
    const will = { topic, payload: Buffer.from(payload), qos: 0, retain: false } as const;
    await assert.rejects(gateway.connect({ clientId: address, will }), { code: 5 }, topic);
  }
});

const run = promisify(execFile);
const hasOpenssl = await run("openssl", ["version"]).then(
  ({ stdout }) => /^OpenSSL [3-9]/.test(stdout),
  () => false,
);
const skip = hasOpenssl ? false : "OpenSSL 3 is not installed";

test("over TLS with own certificates, a client certificate proves the device it names", {
  skip,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lhg-tls-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const file = (name: string): string => join(folder, name);
  const device = makeKey();
  const sign = async (name: string, subject: string, extra: readonly string[]): Promise<void> => {
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    const out = ["-keyout", file(`${name}.key`), "-out", file(`${name}.crt`)];
    await run("openssl", ["req", "-x509", ...key, ...out, "-days", "2", "-subj", subject, ...extra]);
  };
  const byCa = ["-CA", file("ca.crt"), "-CAkey", file("ca.key")];
  await sign("ca", "/CN=test authority", []);
  await sign("server", "/CN=localhost", [...byCa, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]);
  await sign("device", `/CN=${device.address}`, byCa);
  const [serverCert, serverKey] = await Promise.all(
    ["server.crt", "server.key"].map((name) => readFile(file(name), "utf8")),
  );
  const certificates = createCertificateHolder({ cert: serverCert!, key: serverKey! });
  const tls = { port: 0, certificates };
  const gateway = await startTestGateway(t, { config: { tls: { ...tls, clientCaFile: file("ca.crt") } } });
  const url = `mqtts://127.0.0.1:${gateway.gateway.tlsPort}`;
  const [ca, cert, key] = await Promise.all(
    ["ca.crt", "device.crt", "device.key"].map((name) => readFile(file(name))),
  );
  const options = { clientId: device.address, reconnectPeriod: 0, ca: ca! };
  const client = await connectAsync(url, { ...options, cert: cert!, key: key! }, false);
  await client.publishAsync(upOf(client), "over TLS", QOS1);
  assert.ok(gateway.presence.isOnline(device.address));
  await client.endAsync();
  await assert.rejects(connectAsync(url, options, false));
  const open = await startTestGateway(t, { config: { tls: { ...tls, clientCaFile: undefined } } });
  const stranger = await connectAsync(`mqtts://127.0.0.1:${open.gateway.tlsPort}`, options, false);
  await stranger.publishAsync(upOf(stranger), "without a certificate", QOS1);
  await stranger.endAsync();
  for (const clientCaFile of [file("none"), file("ca.key")])
    await assert.rejects(startTestGateway(t, { config: { tls: { ...tls, clientCaFile } } }), {
      code: "config.invalid",
      field: "mqttTlsClientCaFile",
    });
});

test("over TLS the certificate is that of the node, also one that is issued or renewed later", {
  skip,
}, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lhg-tls-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const [first, second, device] = ["first", "second", "device"].map((name) => makeCertificate(folder, name));
  const certificates = createCertificateHolder(undefined);
  const tls = { port: 0, certificates, clientCaFile: device!.certFile };
  const { gateway } = await startTestGateway(t, { config: { tls } });
  const connectTrusting = async ({ cert: ca }: MadeCertificate, own = device): Promise<void> => {
    const options = { clientId: makeKey().address, reconnectPeriod: 0, ca, cert: own!.cert, key: own!.key };
    const client = await connectAsync(`mqtts://127.0.0.1:${gateway.tlsPort}`, options, false);
    await client.endAsync();
  };
  await assert.rejects(connectTrusting(first!), "none was issued yet");
  certificates.replace(first!);
  await connectTrusting(first!);
  certificates.replace(second!);
  await connectTrusting(second!);
  await assert.rejects(connectTrusting(first!));
  await assert.rejects(connectTrusting(second!, first), "clients are still asked for theirs");
});

test("handshakes that one address leaves open keep nobody else out", { skip }, async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "lhg-tls-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const certificate = makeCertificate(folder, "own");
  const tls = { port: 0, certificates: createCertificateHolder(certificate), clientCaFile: undefined };
  // The listener takes 66 sockets in all, 65 of one address.
  const limits = { connectionsMax: 2, remoteConnectionsMax: 1 };
  const { gateway } = await startTestGateway(t, { config: { tls }, limits });
  const port = gateway.tlsPort!;
  const silent: Socket[] = [];
  for (let i = 0; i < 65; i++) {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.on("error", () => {});
    await once(socket, "connect");
    silent.push(socket);
  }
  const beyond = connect({ port, host: "127.0.0.1" });
  beyond.on("error", () => {});
  await once(beyond, "close");
  const elsewhere = { reconnectPeriod: 0, ca: certificate.cert, localAddress: "127.0.0.2" };
  const options = { clientId: makeKey().address, ...elsewhere };
  const other = await connectAsync(`mqtts://127.0.0.1:${port}`, options, false);
  assert.ok(other.connected);
  await other.endAsync();
  for (const socket of silent) socket.destroy();
});
