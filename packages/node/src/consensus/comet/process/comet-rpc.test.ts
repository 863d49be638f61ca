import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type TestContext, test } from "node:test";
import fc from "fast-check";
import { type CometRpc, connectCometRpc } from "./comet-rpc.ts";
import { atEnd } from "./testing.ts";

interface Asked {
  readonly id: number;
  readonly method: string;
  readonly params: Readonly<Record<string, string>>;
}

type Answer = (asked: Asked, response: ServerResponse, request: IncomingMessage) => unknown;

/** What the answer returns is sent as the result; undefined where it has answered itself. */
async function serve(
  t: TestContext,
  answer: Answer,
  limits: { timeoutMs?: number; answerBytesMax?: number } = {},
): Promise<CometRpc> {
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    const asked = JSON.parse(Buffer.concat(parts).toString()) as Asked;
    const result = answer(asked, response, request);
    if (result !== undefined) response.end(JSON.stringify({ jsonrpc: "2.0", id: asked.id, result }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  const rpc = connectCometRpc({ address: `tcp://127.0.0.1:${port}`, ...limits });
  atEnd(t, () => {
    rpc.close();
    server.closeAllConnections();
    server.close();
  });
  return rpc;
}

const HASH = "AB".repeat(32);
const ADDRESS = "CD".repeat(20);
const KEY = { type: "tendermint/PubKeyEd25519", value: Buffer.alloc(32, 7).toString("base64") };
const BLOCK_ID = { hash: HASH, parts: { total: 1, hash: HASH } };

const SAID = { code: 0, data: "", log: "", codespace: "", hash: HASH };

function makeCommit(height: string) {
  return {
    signed_header: {
      header: {
        version: { block: "11" },
        chain_id: "a",
        height,
        time: "2026-02-28T23:59:59.000000001Z",
        last_block_id: { hash: "", parts: { total: 0, hash: "" } },
        last_commit_hash: HASH,
        data_hash: HASH,
        validators_hash: HASH,
        next_validators_hash: HASH,
        consensus_hash: HASH,
        app_hash: "",
        last_results_hash: HASH,
        evidence_hash: HASH,
        proposer_address: ADDRESS,
      } as Record<string, unknown>,
      commit: {
        height,
        round: 2,
        block_id: BLOCK_ID,
        signatures: [
          {
            block_id_flag: 2,
            validator_address: ADDRESS,
            timestamp: "1969-12-31T23:59:59.5Z",
            signature: Buffer.alloc(64, 9).toString("base64"),
          },
          { block_id_flag: 1, validator_address: "", timestamp: "0001-01-01T00:00:00Z", signature: null },
        ] as unknown[],
      } as Record<string, unknown>,
    },
    canonical: true as unknown,
  };
}

test("a commit comes as data: heights whole, hashes as bytes, times to the nanosecond", async (t) => {
  const rpc = await serve(t, ({ method, params }) => {
    assert.equal(method, "commit");
    return makeCommit(params.height!);
  });
  const { header, commit, isCanonical } = await rpc.commit(9_007_199_254_740_993n);
  assert.deepEqual(
    [
      header.height,
      header.version.block,
      header.version.app,
      header.time,
      header.appHash.length,
      isCanonical,
    ],
    [9_007_199_254_740_993n, 11n, 0n, { seconds: 1_772_323_199n, nanos: 1 }, 0, true],
  );
  assert.deepEqual(header.dataHash, new Uint8Array(32).fill(0xab));
  assert.deepEqual(header.lastBlockId, {
    hash: new Uint8Array(),
    partSetHeader: { total: 0, hash: new Uint8Array() },
  });
  const [present, absent] = commit.signatures;
  assert.deepEqual([present!.blockIdFlag, present!.signature], [2, new Uint8Array(64).fill(9)]);
  assert.deepEqual(present!.timestamp, { seconds: -1n, nanos: 500_000_000 });
  assert.deepEqual(absent, {
    blockIdFlag: 1,
    validatorAddress: new Uint8Array(),
    timestamp: { seconds: -62_135_596_800n, nanos: 0 },
    signature: new Uint8Array(),
  });
});

test("a commit that is not of the form is refused, naming what in it is wrong", async (t) => {
  let answer: unknown;
  const rpc = await serve(t, () => answer);
  const refused = async (
    change: (given: ReturnType<typeof makeCommit>) => void,
    field: string,
  ): Promise<void> => {
    const given = makeCommit("5");
    change(given);
    answer = given;
    await assert.rejects(
      rpc.commit(5n),
      { code: "engine.rpc-malformed", field: `commit.result.${field}` },
      field,
    );
  };
  const header = (name: string, value: unknown) =>
    refused((given) => {
      given.signed_header.header[name] = value;
    }, `signed_header.header.${name}`);
  for (const height of [5, "5.0", "-1", "", null, "9223372036854775808", "0x5", " 5"])
    await header("height", height);
  for (const time of [
    "2026-02-29T00:00:00Z",
    "2026-01-01T00:00:00+00:00",
    "2026-01-01T00:00:00.1234567890Z",
    "2026-13-01T00:00:00Z",
    7,
  ])
    await header("time", time);
  for (const hash of ["AB", `${HASH}AB`, `${HASH.slice(1)}g`, null, 7]) await header("data_hash", hash);
  await header("app_hash", "00".repeat(65));
  await header("proposer_address", "");
  await header("chain_id", "a".repeat(10_001));
  await header("chain_id", undefined);
  await refused((given) => {
    given.signed_header.commit.signatures = "x" as unknown as unknown[];
  }, "signed_header.commit.signatures");
  for (const flag of [0, 4, "2"])
    await refused((given) => {
      given.signed_header.commit.signatures = [{ block_id_flag: flag }];
    }, "signed_header.commit.signatures[0].block_id_flag");
  await refused((given) => {
    Object.assign((given.signed_header.commit.signatures as object[])[0]!, {
      signature: `${"A".repeat(85)}B==`,
    });
  }, "signed_header.commit.signatures[0].signature");
  await refused((given) => {
    given.signed_header.commit.round = 2 ** 31;
  }, "signed_header.commit.round");
  await refused((given) => {
    given.canonical = "true";
  }, "canonical");
  answer = makeCommit("6");
  await assert.rejects(rpc.commit(5n), { code: "engine.rpc-malformed", message: /another height/ });
});

test("whatever the answer is, it is refused by a code or has the form", async (t) => {
  let answer = "";
  const rpc = await serve(t, (_asked, response) => void response.end(answer));
  const json = fc.json({ maxDepth: 4 });
  const asked = [
    () => rpc.status(),
    () => rpc.commit(1n),
    () => rpc.validators(1n),
    () => rpc.unconfirmedCount(),
  ];
  const wrapped = json.map((text) => `{"jsonrpc":"2.0","id":0,"result":${text}}`);
  await fc.assert(
    fc.asyncProperty(fc.oneof(json, wrapped, fc.string()), fc.nat(asked.length - 1), async (text, which) => {
      answer = text;
      await assert.rejects(asked[which]!(), { code: /^engine\.rpc-/ });
    }),
    { numRuns: 200 },
  );
});

test("what CometBFT refuses is told apart", async (t) => {
  let said: { message: unknown; data?: unknown } = { message: "" };
  const rpc = await serve(
    t,
    ({ id }, response) => void response.end(JSON.stringify({ id, error: { code: -32603, ...said } })),
  );
  for (const [data, code] of [
    ["height 9 must be less than or equal to the current blockchain height 5", "engine.rpc-not-found"],
    ["height 1 is not available, lowest height is 4", "engine.rpc-not-found"],
    ["mempool is full: number of txs 1 (max: 1), total txs bytes 1 (max: 1)", "engine.rpc-mempool-full"],
    ["tx already exists in cache", "engine.rpc-tx-known"],
    ["endpoint is closed while node is catching up", "engine.rpc-catching-up"],
    ["something else", "engine.rpc-refused"],
  ] as const) {
    said = { message: "Internal error", data };
    await assert.rejects(rpc.broadcastTxSync(Buffer.from("a")), {
      code,
      message: new RegExp(data.slice(0, 20)),
    });
  }
  said = { message: "Method not found" };
  await assert.rejects(rpc.status(), { code: "engine.rpc-refused", message: "status: Method not found" });
  said = { message: 7 };
  await assert.rejects(rpc.status(), { code: "engine.rpc-malformed", field: "status.error.message" });
});

test("an answer to another question, none, and no JSON are refused", async (t) => {
  let text = "";
  const rpc = await serve(t, (_asked, response) => void response.end(text));
  for (const answer of [
    '{"id":99,"result":{}}',
    '{"id":"0","result":{}}',
    '{"result":{}}',
    "[]",
    "",
    "<html>",
    '{"__proto__":{"result":{}}}',
  ]) {
    text = answer;
    await assert.rejects(rpc.status(), { code: "engine.rpc-malformed" }, answer);
  }
  const none = await serve(t, ({ id }, response) => void response.end(JSON.stringify({ id, result: null })));
  await assert.rejects(none.commit(1n), { code: "engine.rpc-not-found" });
});

test("too long, too slow, broken off, gone: each ends by name, and the next question is answered", async (t) => {
  let act: Answer = () => undefined;
  const rpc = await serve(t, (...all) => act(...all), { timeoutMs: 500, answerBytesMax: 10_000 });
  act = (_asked, response) => void response.end("x".repeat(10_001));
  await assert.rejects(rpc.status(), { code: "engine.rpc-too-large" });
  act = (_asked, response) => void response.write("{");
  await assert.rejects(rpc.status(), { code: "engine.rpc-timeout" });
  act = (_asked, response) => {
    response.writeHead(200, { "content-length": "100" });
    response.write("{", () => response.destroy());
  };
  await assert.rejects(rpc.status(), { code: "engine.rpc-unreachable" });
  act = (_asked, _response, request) => void request.socket.destroy();
  await assert.rejects(rpc.status(), { code: "engine.rpc-unreachable" });
  act = () => ({ n_txs: "0", total: "3", total_bytes: "700", txs: null });
  assert.deepEqual(await rpc.unconfirmedCount(), { count: 3, sizeBytes: 700n });
  rpc.close();
  await assert.rejects(rpc.status(), { code: "engine.rpc-closed" });
  assert.throws(() => connectCometRpc({ address: "http://127.0.0.1:1" }), { code: "engine.address" });
});

test("transactions go as they are, and what CheckTx says comes back", async (t) => {
  const seen: unknown[] = [];
  const rpc = await serve(t, ({ method, params }) => {
    seen.push([method, params.tx]);
    return { code: 4_294_967_295, data: "", log: "no", codespace: "lhg", hash: HASH };
  });
  const tx = Uint8Array.of(0, 255, 128);
  const said = { code: 4_294_967_295, codespace: "lhg", log: "no", hash: new Uint8Array(32).fill(0xab) };
  assert.deepEqual(await rpc.broadcastTxSync(tx), said);
  assert.deepEqual(await rpc.broadcastTxAsync(tx), said);
  assert.deepEqual(seen, [
    ["broadcast_tx_sync", "AP+A"],
    ["broadcast_tx_async", "AP+A"],
  ]);
});

test("connections are kept for the next question", async (t) => {
  const ports = new Set<number | undefined>();
  const rpc = await serve(t, (_asked, _response, request) => {
    ports.add(request.socket.remotePort);
    return { total: "0", total_bytes: "0" };
  });
  for (let i = 0; i < 5; i++) await rpc.unconfirmedCount();
  assert.equal(ports.size, 1);
});

test("all pages of a validator set are asked for, and must add up", async (t) => {
  const entry = {
    address: ADDRESS,
    pub_key: KEY,
    voting_power: "1",
    proposer_priority: "-9223372036854775808",
  };
  let total = "256";
  let perPage = 100;
  const rpc = await serve(t, ({ params }) => {
    const count = Math.min(perPage, Math.max(0, 256 - perPage * (Number(params.page) - 1)));
    return { block_height: "1", validators: Array.from({ length: count }, () => entry), count: "1", total };
  });
  const all = await rpc.validators(1n);
  assert.equal(all.length, 256);
  assert.deepEqual(
    [all[0]!.power, all[0]!.proposerPriority, all[0]!.consensusKey],
    [1n, -(1n << 63n), new Uint8Array(32).fill(7)],
  );
  for (const wrong of ["255", "257", "9223372036854775807"]) {
    total = wrong;
    await assert.rejects(rpc.validators(1n), { code: "engine.rpc-malformed" }, wrong);
  }
  total = "256";
  perPage = 101;
  await assert.rejects(rpc.validators(1n), {
    code: "engine.rpc-malformed",
    field: "validators.result.validators",
  });
});

test("many transactions go in one list, in order; what this node saw before is no fault, a full mempool is", async (t) => {
  const seen: unknown[] = [];
  let problem: string | undefined;
  let answers = (asked: readonly Asked[]): unknown =>
    asked.map(({ id }, i) =>
      problem !== undefined && i === 1 ? { id, error: { message: "", data: problem } } : { id, result: SAID },
    );
  const rpc = await serve(t, (asked, response) => {
    const many = Array.isArray(asked) ? (asked as Asked[]) : undefined;
    seen.push(many?.map(({ method, params }) => [method, params.tx]) ?? [asked.method, asked.params.tx]);
    response.end(JSON.stringify(many === undefined ? { id: asked.id, result: SAID } : answers(many)));
  });
  const txs = [Uint8Array.of(1), Uint8Array.of(2), Uint8Array.of(3)];
  await rpc.broadcastTxs(txs);
  await rpc.broadcastTxs(txs.slice(0, 1));
  const of = (...texts: string[]) => texts.map((text) => ["broadcast_tx_async", text]);
  assert.deepEqual(seen, [of("AQ==", "Ag==", "Aw=="), of("AQ==")[0]]);
  problem = "tx already exists in cache";
  await rpc.broadcastTxs(txs);
  problem = "mempool is full: number of txs 1";
  await assert.rejects(rpc.broadcastTxs(txs), { code: "engine.rpc-mempool-full" });
  for (const wrong of [[], [{}, {}, {}, {}], {}, null, "x"]) {
    answers = () => wrong;
    await assert.rejects(rpc.broadcastTxs(txs), { code: "engine.rpc-malformed" }, JSON.stringify(wrong));
  }
});

test("peers are counted", async (t) => {
  const rpc = await serve(t, () => ({ listening: true, n_peers: "3", peers: [] }));
  assert.equal(await rpc.peerCount(), 3);
});
