import assert from "node:assert/strict";
import { test } from "node:test";
import { readConfig } from "./config.ts";

function assertRefused(given: Record<string, unknown>, field: string): void {
  assert.throws(() => readConfig(given), { code: "config.invalid", field }, JSON.stringify(given));
}

test("a public URL is a URL and nothing else", () => {
  for (const publicUrl of ["node.example", "ftp://a", "https://u:p@a", "https://a/?q=1", "https://a/#x", ""])
    assertRefused({ publicUrl }, "publicUrl");
  assert.equal(readConfig({ publicUrl: "http://192.0.2.1:8080" }).publicUrl, "http://192.0.2.1:8080");
});

test("settings of TLS that contradict each other are refused by name", () => {
  const own = { tlsCertificateFile: "a.pem", tlsKeyFile: "a.key" };
  assertRefused({ tlsCertificateFile: "a.pem" }, "tlsKeyFile");
  assertRefused({ tlsKeyFile: "a.key" }, "tlsCertificateFile");
  assertRefused({ ...own, acmeDomain: "node.example" }, "acmeDomain");
  assertRefused({ ...own, publicUrl: "http://node.example" }, "publicUrl");
  assertRefused({ ...own, httpRedirectPort: 80 }, "publicUrl");
  assertRefused({ httpRedirectPort: 80 }, "httpRedirectPort");
  assertRefused({ acmeDomain: "node.example", publicUrl: "https://other.example" }, "publicUrl");
  for (const acmeDomain of ["*.node.example", "Node.example", "192.0.2.1", "a..b", "-a.example", "a b", ""])
    assertRefused({ acmeDomain }, "acmeDomain");
  assertRefused({ acmeDomain: "node.example", acmeEmail: "nobody" }, "acmeEmail");
  assertRefused(
    { acmeDomain: "node.example", acmeDirectoryUrl: "http://ca.example/dir" },
    "acmeDirectoryUrl",
  );
});

test("with ACME the public URL and the plain port follow from the name", () => {
  const { publicUrl, httpRedirectPort } = readConfig({ acmeDomain: "node.example" });
  assert.deepEqual([publicUrl, httpRedirectPort], ["https://node.example", 80]);
  const given = {
    acmeDomain: "node.example",
    publicUrl: "https://node.example:8443",
    httpRedirectPort: 8080,
  };
  assert.equal(readConfig(given).publicUrl, "https://node.example:8443");
});

test("MQTT over TLS needs a certificate, an authority for clients needs MQTT over TLS", () => {
  const own = { tlsCertificateFile: "a.pem", tlsKeyFile: "a.key" };
  assertRefused({ mqttTlsPort: 8883 }, "mqttTlsPort");
  assertRefused({ mqttPort: 1883, mqttTlsPort: 8883, tlsCertificateFile: "a.pem" }, "tlsKeyFile");
  assertRefused({ ...own, mqttPort: 1883, mqttTlsClientCaFile: "ca.pem" }, "mqttTlsClientCaFile");
  for (const source of [own, { acmeDomain: "node.example" }])
    assert.equal(
      readConfig({ ...source, mqttTlsPort: 8883, mqttTlsClientCaFile: "ca.pem" }).mqttTlsPort,
      8883,
    );
});

const PEER = "12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8";

test("addresses of peers are TCP over IP or a name, and say who is there", () => {
  const p2pListen = ["/ip4/127.0.0.1/tcp/0"];
  for (const address of [
    "/ip4/192.0.2.1/tcp/26700",
    `/ip4/192.0.2.1/tcp/0/p2p/${PEER}`,
    `/ip4/192.0.2.256/tcp/1/p2p/${PEER}`,
    `/ip4/192.0.2.1/tcp/65536/p2p/${PEER}`,
    `/ip6/192.0.2.1/tcp/1/p2p/${PEER}`,
    `/dns/-a/tcp/1/p2p/${PEER}`,
    `/ip4/192.0.2.1/udp/1/p2p/${PEER}`,
    `/ip4/192.0.2.1/tcp/1/p2p/${PEER}0`,
    `/ip4/192.0.2.1/tcp/1/p2p/${PEER.replace("K", "0")}`,
    "",
    7,
  ])
    assertRefused({ p2pListen, p2pPeers: [address] }, "p2pPeers");
  const p2pPeers = [`/ip6/2001:db8::1/tcp/1/p2p/${PEER}`, `/dns4/node.example/tcp/26700/p2p/${PEER}`];
  assert.deepEqual(readConfig({ p2pListen, p2pPeers, p2pPrivatePeers: [PEER] }).p2pPeers, p2pPeers);
  for (const address of [`/ip4/127.0.0.1/tcp/1/p2p/${PEER}`, "/ip4/127.0.0.1", "0.0.0.0:1"])
    assertRefused({ p2pListen: [address] }, "p2pListen");
  assertRefused({ p2pListen: "/ip4/127.0.0.1/tcp/1" }, "p2pListen");
  assertRefused({ p2pListen, p2pPrivatePeers: ["a"] }, "p2pPrivatePeers");
  assertRefused({ p2pListen, p2pAnnounce: ["/dns/node.example/tcp/0"] }, "p2pAnnounce");
  assertRefused({ p2pListen, p2pAnnounce: [`/dns/node.example/tcp/1/p2p/${PEER}`] }, "p2pAnnounce");
  assertRefused({ p2pAnnounce: ["/dns/node.example/tcp/1"] }, "p2pAnnounce");
  assert.deepEqual(readConfig({ p2pPeers }).p2pListen, [], "a node may only dial");
});

test("a validator signs with one key, and trusts a header by height and hash", () => {
  assertRefused({ consensusKeyFile: "a", remoteSigner: "tcp:127.0.0.1:1" }, "remoteSigner");
  for (const remoteSigner of ["unix:", "unix:a", "tcp:127.0.0.1", "tcp:a b:1", "tcp:::1", "http://a:1"])
    assertRefused({ remoteSigner }, "remoteSigner");
  assert.equal(readConfig({ remoteSigner: "unix:/run/s.sock" }).remoteSigner, "unix:/run/s.sock");
  assertRefused({ remoteSigner: `unix:/${"s".repeat(107)}` }, "remoteSigner");
  const files = {
    remoteSignerCertificateFile: "a.pem",
    remoteSignerKeyFile: "a.key",
    remoteSignerPeerFile: "b.pem",
  };
  assertRefused({ remoteSigner: "unix:/run/s.sock", ...files }, "remoteSignerCertificateFile");
  for (const remoteSigner of ["tcp:127.0.0.1:1", "tcp:[::1]:7000", "tcp:signer.example:1"]) {
    assert.equal(readConfig({ remoteSigner, ...files }).remoteSigner, remoteSigner);
    assertRefused({ remoteSigner }, "remoteSignerCertificateFile");
    assertRefused({ remoteSigner, ...files, remoteSignerPeerFile: undefined }, "remoteSignerPeerFile");
  }
  assertRefused({ trustedHeight: 5 }, "trustedHash");
  assertRefused({ trustedHash: "0".repeat(64) }, "trustedHeight");
  assertRefused({ trustedHeight: 5, trustedHash: "0".repeat(63) }, "trustedHash");
  assertRefused({ trustedHeight: 5, trustedHash: "0".repeat(64), stateSync: "off" }, "trustedHeight");
  assertRefused({ baseTimeoutMs: 10_000, maxTimeoutMs: 5_000 }, "maxTimeoutMs");
});

test("the engine has addresses that it can be reached at, and signs itself", () => {
  for (const cometAbci of [
    "unix:a",
    "unix://a",
    "unix:///",
    "tcp://127.0.0.1",
    "tcp://:1",
    "tcp://a:0",
    "http://a:1",
    "tcp://::1:1",
  ])
    assertRefused({ cometAbci }, "cometAbci");
  assertRefused({ cometAbci: `unix:///${"s".repeat(107)}` }, "cometAbci");
  for (const cometAbci of ["unix:///run/lhg/abci.sock", "tcp://127.0.0.1:26658", "tcp://[::1]:1"])
    assert.equal(readConfig({ cometAbci }).cometAbci, cometAbci);
  for (const cometRpc of ["unix:///a", "127.0.0.1:1", "tcp://a:65536", "tcp://a b:1", ""])
    assertRefused({ cometRpc }, "cometRpc");
  assertRefused({ engine: "tendermint" }, "engine");
  assertRefused({ engine: "comet", remoteSigner: "unix:/run/s.sock" }, "remoteSigner");
  const cometHome = `/${"h".repeat(110)}`;
  assertRefused({ engine: "comet", cometHome }, "cometHome");
  assert.equal(readConfig({ engine: "comet", cometHome, cometAbci: "tcp://127.0.0.1:1" }).engine, "comet");
  assert.equal(readConfig({ cometHome }).engine, "dbft", "what is not used need not fit");
});
