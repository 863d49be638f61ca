/** `lhg signer` as a process of its own: it signs for a node over a socket, is killed and started again, and never signs twice. */
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import {
  COMMIT,
  changeViewSignBytes,
  PREPARE_RESPONSE,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import type { LhgError } from "@lhg/protocol/core/errors";
import { connectRemoteSigner, type RemoteSigner } from "../src/signer/remote-signer.ts";
import { makeCertificate, WITHOUT_OPENSSL } from "../src/tls/testing.ts";
import { type RunningCommand, runLhgJson, startLhg } from "./dev-command.ts";

const H1 = new Uint8Array(32).fill(1);
const H2 = new Uint8Array(32).fill(2);
const scope = (height: number) => ({ chainId: "test-00", epoch: 0, height });
const commit = (height: number, view: number, hash = H1): Uint8Array =>
  voteSignBytes(scope(height), view, COMMIT, hash);
const response = (height: number, view: number, hash = H1): Uint8Array =>
  voteSignBytes(scope(height), view, PREPARE_RESPONSE, hash);

let home: { folder: string; environment: NodeJS.ProcessEnv };
let socket: string;
let publicKey: Uint8Array;

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), "lhg-signer-"));
  const { npm_lifecycle_event: _, ...rest } = process.env;
  home = { folder, environment: { ...rest, LHG_DATA: folder, LHG_PASSPHRASE: "correct horse" } };
  socket = `unix:${join(folder, "signer.sock")}`;
  const made = (await runLhgJson(home, "keys", "new", "validator")) as { publicKey: string };
  publicKey = fromHex(made.publicKey);
});

after(() => rm(home.folder, { recursive: true, force: true }));

const start = (...args: readonly string[]): Promise<RunningCommand> =>
  startLhg(home, "signer", "--key", "validator", "--listen", socket, ...args);

const connect = (): Promise<RemoteSigner> =>
  connectRemoteSigner({ address: socket, expectedPublicKey: publicKey, timeoutMs: 30_000, log: () => {} });

function isSigned(message: Uint8Array, signature: Uint8Array): boolean {
  const x = Buffer.from(publicKey).toString("base64url");
  const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x }, format: "jwk" });
  return verify(null, message, key, signature);
}

test("a key starts with a memory of its own or not at all, and one signer has it", async () => {
  await assert.rejects(
    runLhgJson(home, "signer", "--key", "validator", "--listen", socket),
    /signer\.state-missing/,
  );
  const signer = await start("--new-state");
  assert.equal(signer.said.publicKey, toHex(publicKey));
  const elsewhere = `unix:${join(home.folder, "other.sock")}`;
  await assert.rejects(
    runLhgJson(home, "signer", "--key", "validator", "--listen", elsewhere),
    /signer\.in-use/,
  );
  const remote = await connect();
  assert.ok(isSigned(commit(1, 0), await remote.sign(commit(1, 0))));
  await assert.rejects(remote.sign(commit(1, 0, H2)), { code: "signer.refused" });
  await remote.close();
  await signer.end("SIGTERM");
  assert.equal(signer.child.exitCode, 0);
  await assert.rejects(
    runLhgJson(home, "signer", "--key", "validator", "--listen", socket, "--new-state"),
    /signer\.state-exists/,
  );
});

test("killed between requests and under them, it signs nothing that conflicts with what it gave out", async () => {
  let signer = await start();
  const remote = await connect();
  const given: Uint8Array[] = [];
  const ask = async (message: Uint8Array): Promise<void> => {
    const signature = await remote.sign(message);
    assert.ok(isSigned(message, signature));
    given.push(message);
  };
  for (let round = 0; round < 6; round++) {
    const height = 10 + round;
    await Promise.all([ask(response(height, 0)), ask(commit(height, 0))]);
    // Under way when it dies: asked again by the client after the restart.
    const claim = { view: 0, blockHash: H1 };
    const pending = [
      ask(changeViewSignBytes(scope(height), 1, claim)),
      ask(response(height, 1)),
      ask(commit(height, 1)),
    ];
    if (round % 2 === 0) await pending[0];
    await signer.end("SIGKILL");
    signer = await start();
    await Promise.all(pending);
    for (const conflicting of [commit(height, 1, H2), commit(height, 0, H2), response(height - 1, 5)])
      await assert.rejects(remote.sign(conflicting), { code: "signer.refused" });
    await assert.rejects(
      remote.sign(changeViewSignBytes(scope(height), 2, claim)),
      (error: LhgError) => error.code === "signer.refused" && error.message.includes("preparedView"),
    );
    for (const message of given.slice(-5)) await remote.sign(message);
  }
  assert.equal(given.length, 30);
  await remote.close();
  await signer.end("SIGINT");
});

test("from another machine: TLS with both certificates pinned", { skip: WITHOUT_OPENSSL }, async () => {
  const [own, node] = [makeCertificate(home.folder, "signer"), makeCertificate(home.folder, "node")];
  const listen = [
    "signer",
    "--key",
    join(home.folder, "keys", "validator.json"),
    "--listen",
    "tcp:127.0.0.1:0",
  ];
  await assert.rejects(runLhgJson(home, ...listen), /usage\.tls/);
  const files = ["--tls-cert", own.certFile, "--tls-key", own.keyFile, "--tls-peer", node.certFile];
  const signer = await startLhg(home, ...listen, ...files, "--chain", "test-00");
  const remote = await connectRemoteSigner({
    address: String(signer.said.address),
    tls: { certificate: node.cert, key: node.key, peerCertificate: own.cert },
    expectedPublicKey: publicKey,
    timeoutMs: 30_000,
    log: () => {},
  });
  assert.ok(isSigned(commit(99, 0), await remote.sign(commit(99, 0))));
  const other = voteSignBytes({ ...scope(100), chainId: "other-00" }, 0, COMMIT, H1);
  await assert.rejects(remote.sign(other), { code: "signer.refused", message: /chainId/ });
  await remote.close();
  await signer.end("SIGTERM");
});
