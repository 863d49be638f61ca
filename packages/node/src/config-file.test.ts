import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FIELDS, SETTINGS } from "./config/settings.ts";
import { writeToml } from "./config/write-toml.ts";
import { DEFAULT_CONFIG, type NodeConfig } from "./config.ts";
import { readConfigFile } from "./config-file.ts";

const PATH = "/srv/node0/lhg.toml";
const DEFAULTS = { ...DEFAULT_CONFIG, dataDirectory: "/srv/node0/lhg-data", cometHome: "/srv/node0/comet" };
const PEER = "12D3KooWKnDdG3iXw9eTFijk3EWSunZcFi54Zka4wmtqtt6rPxc8";

const read = (text: string, environment: Record<string, string> = {}): NodeConfig =>
  readConfigFile({ path: PATH, text, environment });

function assertRefused(text: string, code: string, message: string, environment = {}): void {
  assert.throws(() => read(text, environment), { name: "LhgError", code, message });
}

test("the file with nothing set is the defaults, and so it is with every default uncommented", () => {
  const text = writeToml({});
  assert.deepEqual(read(text), DEFAULTS);
  const set = text
    .split("\n")
    .map((line, i, lines) =>
      lines[i - 1]?.endsWith("(none by default)") ? line : line.replace(/^#(?! )/, ""),
    );
  assert.ok(set.includes("port = 8080"), "defaults are uncommented");
  assert.deepEqual(read(set.join("\n")), DEFAULTS);
});

test("examples in the file are values that their settings take", () => {
  for (const field of FIELDS) {
    const { example, rule, byDefault } = SETTINGS[field];
    assert.equal(example === undefined, byDefault !== undefined, field);
    if (example !== undefined) assert.ok(rule.holds(example), field);
  }
});

test("what is written is read as it was", () => {
  const text = fc
    .string({ minLength: 1, unit: "binary" })
    .map((name) => `/data/${name.replaceAll("/", "")}x`);
  const values = fc.record(
    {
      dataDirectory: text.filter((path) => !path.includes("\0")),
      port: fc.nat(65_535),
      p2pListen: fc.constantFrom(["/ip4/127.0.0.1/tcp/0"], ["/ip6/::/tcp/1", "/dns4/a.example/tcp/2"]),
      p2pPeers: fc.array(fc.constantFrom(`/ip4/192.0.2.1/tcp/1/p2p/${PEER}`, `/dns/b/tcp/2/p2p/${PEER}`)),
      p2pMdns: fc.boolean(),
      pruneAfterDays: fc.integer({ min: 1, max: 1_000 }),
      logLevel: fc.constantFrom("silent" as const, "debug" as const),
    },
    { requiredKeys: ["p2pListen"] },
  );
  fc.assert(
    fc.property(values, (given) => {
      assert.deepEqual(read(writeToml(given as Partial<NodeConfig>)), { ...DEFAULTS, ...given });
    }),
  );
});

test("the environment wins over the file, an empty variable counts as none", () => {
  const text = '[api]\nport = 1\nhost = "::1"\n[p2p]\nlisten = ["/ip4/127.0.0.1/tcp/1"]\n';
  const config = read(text, {
    LHG_API_PORT: "2",
    LHG_API_HOST: "",
    LHG_P2P_LISTEN: "/ip4/127.0.0.1/tcp/3, /ip6/::1/tcp/4",
    LHG_P2P_MDNS: "true",
    LHG_P2P_PEER_EXCHANGE: "false",
    LHG_PASSPHRASE: "not a setting",
  });
  assert.deepEqual(
    [config.port, config.host, config.p2pListen, config.p2pMdns, config.p2pPeerExchange],
    [2, "::1", ["/ip4/127.0.0.1/tcp/3", "/ip6/::1/tcp/4"], true, false],
  );
  const flagged = readConfigFile({
    path: PATH,
    text: "",
    environment: { LHG_NODE_LOG_LEVEL: "warn" },
    flags: { logLevel: "debug" },
  });
  assert.equal(flagged.logLevel, "debug");
});

test("paths are relative to the file, wherever they were given", () => {
  const own = '[tls]\ncertificate = "tls/a.pem"\nkey = "/etc/a.key"\n[consensus]\nkey_file = "../key.json"\n';
  const config = read(own, { LHG_NODE_DATA: "data" });
  assert.deepEqual(
    [config.tlsCertificateFile, config.tlsKeyFile, config.consensusKeyFile, config.dataDirectory],
    ["/srv/node0/tls/a.pem", "/etc/a.key", "/srv/key.json", "/srv/node0/data"],
  );
});

test("errors name the file, the setting, the line and what is allowed", () => {
  assertRefused(
    '[api]\n\nport = "80"\n',
    "config.invalid",
    `${PATH}: api.port (line 3): must be a whole number from 0 to 65535`,
  );
  assertRefused(
    "[api]\nport = -1\n[p2p]\nmdns = 1\n",
    "config.invalid",
    `${PATH}: api.port (line 2): must be a whole number from 0 to 65535; p2p.mdns must be true or false`,
  );
  assertRefused("", "config.invalid", "LHG_P2P_MDNS: must be true or false", { LHG_P2P_MDNS: "yes" });
  assertRefused(
    '[tls]\nkey = "a.key"\n',
    "config.invalid",
    `${PATH}: tls.certificate: is needed with tls.key`,
  );
  assertRefused("[api\n", "config.syntax", `${PATH} (line 1): is no TOML: illegal character in key`);
});

test("unknown names are refused with the nearest one", () => {
  assertRefused(
    "[p2p]\nlisten = []\nlissten = []\n",
    "config.unknown",
    `${PATH}: p2p.lissten (line 3): there is no such setting; the nearest is p2p.listen`,
  );
  assertRefused("[ap]\n", "config.unknown", `${PATH}: ap: there is no such section; the nearest is api`);
  for (const key of ["__proto__", "api.__proto__", "api.constructor"])
    assert.throws(() => read(`${key} = 1\n`), { name: "LhgError" }, key);
  assertRefused("api = 1\n", "config.invalid", `${PATH}: api: is a section: write it in brackets`);
  assertRefused(
    "",
    "config.unknown",
    "LHG_P2P_LISTN: there is no such setting; the nearest is LHG_P2P_LISTEN",
    { LHG_P2P_LISTN: "x" },
  );
});

test("text that is no settings is refused and never gets further", () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200, unit: "binary" }), (text) => {
      try {
        read(text);
      } catch (error) {
        assert.match((error as { code: string }).code, /^config\./);
      }
    }),
  );
});
