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
