/** What the handler says to requests that are wrong, and to transactions it can't take now. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { sortValidators, validatorAddress } from "@lhg/protocol/core/block/validator-set";
import { encode } from "@lhg/protocol/core/codec/definition";
import { LhgError } from "@lhg/protocol/core/errors";
import { ENGINE_COMETBFT } from "@lhg/protocol/core/proof/anchor";
import { submission } from "@lhg/protocol/core/statement/submission";
import { verifySubmission } from "../../../e2e/memory-node.ts";
import type { SubmitResult } from "../../api/service.ts";
import { LedgerApplication } from "../../application/application.ts";
import { GENESIS_MS, openTestChain } from "../../application/testing.ts";
import { nameSubmission } from "../../blocks/leaf-hashed.ts";
import { sodiumCrypto } from "../../crypto/sodium.ts";
import { createMemoryStore } from "../../store/memory-store.ts";
import {
  CheckTxType,
  type MisbehaviorType,
  RequestCheckTxSchema,
  RequestCommitSchema,
  type RequestFinalizeBlock,
  RequestFinalizeBlockSchema,
  RequestInfoSchema,
  type RequestInitChain,
  RequestInitChainSchema,
  RequestPrepareProposalSchema,
  RequestProcessProposalSchema,
  RequestQuerySchema,
  ResponseProcessProposal_ProposalStatus,
} from "./abci/generated/abci_pb.ts";
import { createAbciHandler, type HandlerParts } from "./abci-handler.ts";
import { CometEngine } from "./comet-engine.ts";

const chain = await openTestChain();
const { dev } = chain;
const TICK = encode(submission, chain.transaction(dev.faucet, [{ type: "chain.tick", body: {} }]));
const TICK_NAME = nameSubmission(sodiumCrypto, TICK)!;
const fill = (byte: number, length = 32): Uint8Array => new Uint8Array(length).fill(byte);

async function openHandler(over: Partial<HandlerParts> = {}) {
  const store = createMemoryStore();
  const ledger = await LedgerApplication.open(sodiumCrypto, store, dev.genesis, () => [], ENGINE_COMETBFT);
  const findHeld = over.findHeld ?? (() => undefined);
  const engine = new CometEngine({
    crypto: sodiumCrypto,
    genesis: dev.genesis,
    application: {
      execute: async (block) => ledger.execute(block),
      describeExecution: async (hash) => ledger.describeExecution(hash),
      commit: (hash, certificate) => ledger.commit(hash, certificate),
    },
    source: { select: () => [TICK_NAME], find: () => ({ ...TICK_NAME, isSignatureValid: true }) },
    findHeld,
    verify: async (submissions) => submissions.map(verifySubmission),
    tip: ledger.tip,
    blockStatementsMax: 100,
    certificates: { certifiedHeight: 0, follow: () => {}, restart: () => {}, stop: async () => {} },
    onCommitted: async () => {},
  });
  const handler = createAbciHandler({
    engine,
    crypto: sodiumCrypto,
    version: "1.2.3",
    findHeld,
    batches: { check: async () => ({ id: "", state: "accepted" }) },
    retainHeight: () => 0,
    proveValue: async () => {
      throw new LhgError("proof.not-yet", "nothing is provable", "height");
    },
    snapshots: { list: async () => [], readChunk: async () => undefined },
    ...over,
  });
  return { handler, engine, ledger };
}

const proposerAddress = validatorAddress(sodiumCrypto, dev.consensusKeys[0]!.publicKey);
const timeOf = (timeMs: number) => ({ seconds: BigInt(timeMs) / 1_000n, nanos: 0 });
type BlockFields = Exclude<MessageInitShape<typeof RequestFinalizeBlockSchema>, RequestFinalizeBlock>;
type Misbehaviours = NonNullable<BlockFields["misbehavior"]>;
type GenesisFields = Exclude<MessageInitShape<typeof RequestInitChainSchema>, RequestInitChain>;
const blockOf = (over: BlockFields = {}): BlockFields => ({
  height: 1n,
  time: timeOf(GENESIS_MS),
  hash: fill(1),
  txs: [TICK],
  proposerAddress,
  ...over,
});

function refusal(code: string, field: string, says: RegExp) {
  return (error: unknown): boolean =>
    error instanceof LhgError && error.code === code && error.field === field && says.test(error.message);
}

const initChain = (over: GenesisFields = {}) =>
  create(RequestInitChainSchema, {
    chainId: chain.application.chainId,
    time: timeOf(GENESIS_MS),
    initialHeight: 1n,
    validators: sortValidators(sodiumCrypto, dev.genesis.validators).map(({ consensusKey, power }) => ({
      pubKey: { sum: { case: "ed25519" as const, value: consensusKey } },
      power,
    })),
    ...over,
  });

test("InitChain answers with the state of genesis, as often as it is asked", async () => {
  const { handler, ledger } = await openHandler();
  for (let i = 0; i < 2; i++)
    assert.deepEqual(await handler.initChain(initChain()), { appHash: ledger.head.appHash });
  const { lastBlockHeight, lastBlockAppHash } = await handler.info(create(RequestInfoSchema));
  assert.equal(lastBlockHeight, 0n);
  assert.equal(lastBlockAppHash?.length, 0);
});

test("InitChain of a chain that has begun says what is lost, and what to do", async () => {
  const { handler } = await openHandler();
  await handler.finalizeBlock(create(RequestFinalizeBlockSchema, blockOf()));
  await handler.commit(create(RequestCommitSchema));
  await assert.rejects(
    handler.initChain(initChain()),
    refusal("comet.height", "height", /stands at height 1: give CometBFT its data folder back/),
  );
});

const SAYS_CURE = /take both from one "lhg init"/;
const WRONG_STARTS: readonly (readonly [string, GenesisFields, string, RegExp])[] = [
  ["genesis.mismatch", { chainId: "lhg-other-1" }, "chain_id", SAYS_CURE],
  ["genesis.mismatch", { initialHeight: 7n }, "initial_height", SAYS_CURE],
  ["genesis.mismatch", { time: timeOf(GENESIS_MS + 1_000) }, "genesis_time", SAYS_CURE],
  ["genesis.mismatch", { validators: [] }, "validators", SAYS_CURE],
  [
    "genesis.mismatch",
    { validators: [{ pubKey: { sum: { case: "secp256k1", value: fill(2, 33) } }, power: 1n }] },
    "validators[0].pub_key",
    SAYS_CURE,
  ],
  ["genesis.mismatch", { validators: [{ power: 1n }] }, "validators[0].pub_key", SAYS_CURE],
  ["abci.message", { initialHeight: -1n }, "initial_height", /must be 0 to/],
  ["abci.message", { time: { seconds: -1n, nanos: 0 } }, "time", /1970 to 9999/],
  ["abci.message", { time: { seconds: 253_402_300_800n, nanos: 0 } }, "time", /1970 to 9999/],
  ["abci.message", { time: { seconds: 2n ** 62n, nanos: 0 } }, "time", /1970 to 9999/],
  ["abci.message", { time: { seconds: 1n, nanos: -1 } }, "time", /1970 to 9999/],
];

for (const [code, over, field, says] of WRONG_STARTS)
  test(`InitChain with another ${field} is refused: ${Object.keys(over)[0]} ${says.source}`, async () => {
    const { handler } = await openHandler();
    await assert.rejects(async () => handler.initChain(initChain(over)), refusal(code, field, says));
  });

test("InitChain without a time is refused", async () => {
  const { handler } = await openHandler();
  const request = initChain();
  delete request.time;
  await assert.rejects(
    async () => handler.initChain(request),
    refusal("abci.message", "time", /must be there/),
  );
});

test("FinalizeBlock of another height says where both stand, and what to do", async () => {
  const { handler, ledger } = await openHandler();
  const finalize = (height: bigint) =>
    handler.finalizeBlock(create(RequestFinalizeBlockSchema, blockOf({ height })));
  await assert.rejects(
    finalize(3n),
    refusal("comet.height", "height", /asks for block 3, but the ledger stands at 0: /),
  );
  await finalize(1n);
  await handler.commit(create(RequestCommitSchema));
  await assert.rejects(
    finalize(1n),
    refusal("comet.height", "height", /block 1, but the ledger stands at 1: .*restore/),
  );
  await assert.rejects(finalize(-1n), refusal("abci.message", "height", /must be 0 to/));
  await assert.rejects(finalize(2n ** 60n), refusal("abci.message", "height", /must be 0 to/));
  assert.equal(ledger.head.height, 1);
  // Nothing of it stays: the right one goes on.
  await finalize(2n);
  await handler.commit(create(RequestCommitSchema));
  assert.equal(ledger.head.height, 2);
});

test("FinalizeBlock without a time, or by a stranger, is refused and changes nothing", async () => {
  const { handler, ledger } = await openHandler();
  const request = create(RequestFinalizeBlockSchema, blockOf());
  delete request.time;
  await assert.rejects(
    async () => handler.finalizeBlock(request),
    refusal("abci.message", "time", /must be there/),
  );
  const byStranger = create(RequestFinalizeBlockSchema, blockOf({ proposerAddress: fill(3, 20) }));
  await assert.rejects(
    async () => handler.finalizeBlock(byStranger),
    refusal("comet.proposer", "proposerAddress", /different validators/),
  );
  const { appHash } = await handler.finalizeBlock(
    create(RequestFinalizeBlockSchema, blockOf({ hash: fill(2) })),
  );
  await handler.commit(create(RequestCommitSchema));
  assert.deepEqual(ledger.head.appHash, appHash);
});

test("misbehaviour of unknown kinds, of nobody and of no height is passed over", async () => {
  const { handler, ledger } = await openHandler();
  const validator = { address: proposerAddress, power: 1n };
  const misbehavior: Misbehaviours = [
    { type: 0, height: 1n, validator },
    { type: 99 as MisbehaviorType, height: 1n, validator },
    { type: 1, height: 1n },
    { type: 1, height: 0n, validator },
    { type: 1, height: 9n, validator },
    { type: 2, height: 1n, validator: { address: fill(4, 20), power: 1n } },
    { type: 1, height: 1n, validator },
  ];
  await handler.finalizeBlock(create(RequestFinalizeBlockSchema, blockOf({ misbehavior })));
  await handler.commit(create(RequestCommitSchema));
  assert.equal(ledger.getBlock(1)!.evidence.length, 2);
  const negative: Misbehaviours = [{ type: 1, height: -1n, validator }];
  const request = create(RequestFinalizeBlockSchema, blockOf({ height: 2n, misbehavior: negative }));
  await assert.rejects(
    async () => handler.finalizeBlock(request),
    refusal("abci.message", "misbehavior.height", /must be 0 to/),
  );
});

test("ProcessProposal rejects what every node would, and nothing else", async () => {
  const { handler } = await openHandler();
  const { ACCEPT, REJECT } = ResponseProcessProposal_ProposalStatus;
  const judge = async (over: BlockFields) =>
    (await handler.processProposal(create(RequestProcessProposalSchema, { ...blockOf(), ...over }))).status;
  assert.equal(await judge({}), ACCEPT);
  assert.equal(await judge({ txs: [] }), ACCEPT);
  assert.equal(await judge({ height: 2n }), REJECT);
  assert.equal(await judge({ height: 0n }), REJECT);
  assert.equal(await judge({ txs: [TICK, TICK] }), REJECT);
  assert.equal(await judge({ txs: [TICK, Uint8Array.of(1)] }), REJECT);
  assert.equal(await judge({ txs: [new Uint8Array(0)] }), REJECT);
  assert.equal(await judge({ txs: [new Uint8Array(9 << 20)] }), REJECT);
});

test("PrepareProposal keeps within the bytes that are left, overhead included", async () => {
  const { handler } = await openHandler();
  const prepare = async (maxTxBytes: number) =>
    (await handler.prepareProposal(create(RequestPrepareProposalSchema, { maxTxBytes: BigInt(maxTxBytes) })))
      .txs!.length;
  assert.equal(await prepare(TICK.length + 6), 1);
  assert.equal(await prepare(TICK.length + 5), 0);
  assert.equal(await prepare(0), 0);
  const negative = create(RequestPrepareProposalSchema, { maxTxBytes: -1n });
  await assert.rejects(
    async () => handler.prepareProposal(negative),
    refusal("abci.message", "max_tx_bytes", /must be 0 to/),
  );
});

const check = (tx: Uint8Array, type: CheckTxType = CheckTxType.NEW) =>
  create(RequestCheckTxSchema, { tx, type });

test("CheckTx has a code for whatever comes", async () => {
  const { handler } = await openHandler({
    batches: {
      check: async (): Promise<SubmitResult> => ({
        id: "",
        state: "not-yet",
        code: "transaction.nonce-gap",
        field: "transaction.nonce",
        message: "the next is 4",
      }),
    },
  });
  assert.equal((await handler.checkTx(check(Uint8Array.of(1, 2)))).code, 2);
  assert.equal((await handler.checkTx(check(new Uint8Array(0)))).code, 2);
  const { code, log } = await handler.checkTx(check(TICK));
  assert.deepEqual([code, log], [3, "transaction.nonce-gap: the next is 4"]);
  // It waits nowhere here.
  assert.equal((await handler.checkTx(check(TICK, CheckTxType.RECHECK))).code, 1);
});

test("CheckTx of what waits here is answered without asking anybody, but for other bytes", async () => {
  let asked = 0;
  const { handler } = await openHandler({
    findHeld: () => TICK,
    batches: {
      check: async (): Promise<SubmitResult> => {
        asked += 1;
        return { id: "", state: "refused", code: "statement.body", field: "body", message: "no" };
      },
    },
  });
  assert.equal((await handler.checkTx(check(TICK))).code, 0);
  assert.equal((await handler.checkTx(check(TICK, CheckTxType.RECHECK))).code, 0);
  assert.equal(asked, 0);
  const { statement } = chain.transaction(dev.faucet, [{ type: "chain.tick", body: {} }]);
  assert.equal((await handler.checkTx(check(encode(submission, { statement, body: null })))).code, 1);
  assert.equal(asked, 1);
});

test("CheckTx while there is no room, or the node stops, says so: an exception would end CometBFT", async () => {
  for (const code of ["inbox.full", "node.stopping"]) {
    const batches = {
      check: async () => {
        throw new LhgError(code, "not now");
      },
    };
    const { handler } = await openHandler({ batches });
    const answer = await handler.checkTx(check(TICK));
    assert.deepEqual([answer.code, answer.log], [3, `${code}: not now`]);
  }
  const broken = {
    check: async () => {
      throw new TypeError("a bug");
    },
  };
  const { handler } = await openHandler({ batches: broken });
  await assert.rejects(handler.checkTx(check(TICK)), TypeError);
});

test("CheckTx of what is committed already does not let it in again", async () => {
  let held: Uint8Array | undefined;
  const { handler } = await openHandler({ findHeld: () => held });
  const { code, log } = await handler.checkTx(check(TICK));
  assert.deepEqual([code, log], [1, "waits here no longer"]);
  held = TICK;
  assert.equal((await handler.checkTx(check(TICK))).code, 0);
});

test("Query has a code for whatever is asked", async () => {
  const { handler } = await openHandler();
  const ask = async (path: Uint8Array, data = Uint8Array.of(1)) => {
    const { code, log } = await handler.query(create(RequestQuerySchema, { path, data }));
    return `${code} ${log}`;
  };
  const path = (text: string): Uint8Array => Buffer.from(text);
  assert.match(await ask(path("/value/base")), /^1 proof.not-yet: /);
  assert.match(await ask(path("/value/base"), new Uint8Array(0)), /^1 data: must be 1 to 2048 bytes$/);
  assert.match(await ask(path("/value/base"), new Uint8Array(2_049)), /^1 data: /);
  for (const other of ["", "/", "/value/", "/value/../x", "/store", `/value/${"a".repeat(129)}`])
    assert.match(await ask(path(other)), /^1 query.unknown/);
  assert.match(await ask(Uint8Array.of(0xff, 0xfe)), /^1 query.unknown/);
});
