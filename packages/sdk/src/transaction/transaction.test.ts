import assert from "node:assert/strict";
import { test } from "node:test";
import { deriveAddress } from "@lhg/protocol/core/account";
import { decode } from "@lhg/protocol/core/codec/definition";
import { toSignatureCheck } from "@lhg/protocol/core/cose";
import { ALG_EDDSA, ALG_ES256, ALG_ES256K } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { DEFAULT_PARAMETERS } from "@lhg/protocol/core/parameters";
import { decodeApproval, hashAction } from "@lhg/protocol/core/statement/approval";
import { submission } from "@lhg/protocol/core/statement/submission";
import { computeGas, prepareStatement } from "@lhg/protocol/statements";
import fc from "fast-check";
import { nobleCrypto } from "../crypto/noble.ts";
import { keyFromSeed, signerFromSecret } from "../keys/keys.ts";
import { createAccountSender } from "./account-sender.ts";
import { approveAction, describeAdmission, describeRegistration } from "./approvals.ts";
import { buildTransaction, type SignedTransaction } from "./build.ts";
import { makeAdmission, makeCreditPurchase, makeDeviceRegistration, makeTransfer } from "./messages.ts";

const seed = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const signer = signerFromSecret(keyFromSeed(ALG_EDDSA, seed(1)));
const own = deriveAddress(nobleCrypto, signer.publicKey);
const other = new Uint8Array(20).fill(7);
const chainId = "test-00112233445566778899aabbccddeeff";
const base = { chainId, signer, nonce: 0, parameters: DEFAULT_PARAMETERS, expiryMs: 1_000_000 };

function prepare(bytes: Uint8Array) {
  const prepared = prepareStatement(nobleCrypto, decode(submission, bytes, "submission"));
  assert.equal(prepared.kind, "transaction");
  return prepared as typeof prepared & { kind: "transaction" };
}

test("a transaction is signed by every algorithm and found under its id", () => {
  for (const alg of [ALG_EDDSA, ALG_ES256, ALG_ES256K] as const) {
    const key = signerFromSecret(keyFromSeed(alg, seed(3)));
    const signed = buildTransaction({ ...base, signer: key, messages: [makeTransfer(other, 5n)] });
    const prepared = prepare(signed.bytes);
    assert.deepEqual(prepared.id, signed.id);
    assert.deepEqual(prepared.payload, signed.transaction);
    assert.deepEqual(signed.transaction.sender, deriveAddress(nobleCrypto, key.publicKey));
    assert.ok(nobleCrypto.verify(toSignatureCheck(prepared.sign1)));
  }
});

test("the gas limit covers the transaction by the chain's rule, and not much more", () => {
  fc.assert(
    fc.property(
      fc.array(fc.bigInt({ min: 0n, max: 2n ** 63n }), { minLength: 1, maxLength: 64 }),
      fc.nat({ max: Number.MAX_SAFE_INTEGER }),
      fc.constantFrom(1, 2, 255, 65_536),
      (amounts, nonce, gasPerByte) => {
        const parameters = { ...DEFAULT_PARAMETERS, gasPerByte };
        const messages = amounts.map((amount) => makeTransfer(other, amount));
        const signed = buildTransaction({ ...base, nonce, parameters, messages });
        const gas = computeGas(parameters, prepare(signed.bytes));
        assert.ok(signed.transaction.gasLimit >= gas);
        assert.ok(signed.transaction.gasLimit <= gas + 8 * gasPerByte);
        assert.equal(signed.feeLimit, BigInt(signed.transaction.gasLimit) * DEFAULT_PARAMETERS.gasPriceMin);
      },
    ),
    { numRuns: 40 },
  );
});

test("approvals are counted in the gas and bind chain, action and time", () => {
  const admission = { vendor: other, name: "Acme", prefixes: ["4012345"], version: 0 };
  const action = describeAdmission(admission);
  const terms = { chainId, expiryMs: 5_000 };
  const approvals = [signer, signer].map((operator) => approveAction(operator, action, terms));
  const messages = [makeAdmission(admission, approvals)];
  const gas = prepare(buildTransaction({ ...base, messages }).bytes);
  const without = prepare(buildTransaction({ ...base, messages: [makeAdmission(admission, [])] }).bytes);
  const bytesMore = gas.sizeBytes - without.sizeBytes;
  assert.equal(
    computeGas(DEFAULT_PARAMETERS, gas) - computeGas(DEFAULT_PARAMETERS, without),
    2 * DEFAULT_PARAMETERS.gasPerApproval + bytesMore * DEFAULT_PARAMETERS.gasPerByte,
  );
  const { approval, statement } = decodeApproval(approvals[0]!)!;
  assert.deepEqual(approval, {
    chainId,
    expiryMs: 5_000,
    actionHash: hashAction(nobleCrypto, chainId, action.name, action.body),
  });
  assert.ok(nobleCrypto.verify(toSignatureCheck(statement)));
});

test("a device consents to its own registration with its own key", () => {
  const device = signerFromSecret(keyFromSeed(ALG_ES256, seed(9)));
  const message = makeDeviceRegistration({ chainId, vendor: own, device, model: "T-1", expiryMs: 9 });
  assert.equal(message.type, "identity.register-device");
  if (message.type !== "identity.register-device") return;
  const { consent, ...registration } = message.body;
  const { approval, statement } = decodeApproval(consent)!;
  const { name, body } = describeRegistration(own, registration);
  assert.deepEqual(statement.key, device.publicKey);
  assert.deepEqual(approval.actionHash, hashAction(nobleCrypto, chainId, name, body));
});

test("a message that does not fit is refused by its field", () => {
  assert.throws(() => buildTransaction({ ...base, messages: [makeCreditPurchase(other, -1)] }), {
    code: "value.range",
    field: "transaction.messages[0].credits",
  });
  assert.throws(() => buildTransaction({ ...base, messages: [] }), {
    code: "value.count",
    field: "transaction.messages",
  });
});

/** A chain that admits the next nonce of one account and forgets nothing. */
function fakeChain(startNonce = 0) {
  const chain = { nonce: startNonce, admitted: [] as number[], fetches: 0, failNext: undefined as unknown };
  return Object.assign(chain, {
    fetchNonce: async () => {
      chain.fetches += 1;
      return chain.nonce;
    },
    submit: async ({ transaction: { nonce } }: SignedTransaction) => {
      const failure = chain.failNext;
      chain.failNext = undefined;
      if (failure !== undefined) throw failure;
      if (nonce < chain.nonce) throw new LhgError("transaction.nonce-used", "is used", "transaction.nonce");
      if (nonce > chain.nonce) throw new LhgError("transaction.nonce-gap", "too early", "transaction.nonce");
      chain.admitted.push(nonce);
      chain.nonce += 1;
    },
  });
}

function createSender(chain: ReturnType<typeof fakeChain>) {
  return createAccountSender({
    chainId,
    signer,
    parameters: DEFAULT_PARAMETERS,
    nowMs: () => 0,
    fetchNonce: chain.fetchNonce,
    submit: chain.submit,
  });
}

test("overlapping sends leave in order and ask for the nonce once", async () => {
  const chain = fakeChain(4);
  const sender = createSender(chain);
  await Promise.all([1n, 2n, 3n, 4n].map((amount) => sender.send([makeTransfer(other, amount)])));
  assert.deepEqual(chain.admitted, [4, 5, 6, 7]);
  assert.equal(chain.fetches, 1);
});

test("a nonce that another program used is fetched again", async () => {
  const chain = fakeChain();
  const sender = createSender(chain);
  await sender.send([makeTransfer(other, 1n)]);
  chain.nonce = 9;
  await sender.send([makeTransfer(other, 1n)]);
  assert.deepEqual(chain.admitted, [0, 9]);
});

test("a refusal is its sender's alone, and the next send asks what became of the nonce", async () => {
  const chain = fakeChain();
  const sender = createSender(chain);
  chain.failNext = new LhgError("transaction.fee-uncovered", "too poor", "transaction.payer");
  const refused = sender.send([makeTransfer(other, 1n)]);
  const next = sender.send([makeTransfer(other, 2n)]);
  await assert.rejects(refused, { code: "transaction.fee-uncovered" });
  await next;
  assert.deepEqual(chain.admitted, [0]);
  assert.equal(chain.fetches, 2);
});

test("a nonce that never fits is given up", async () => {
  const chain = fakeChain();
  const sender = createAccountSender({
    ...createOptions(chain),
    fetchNonce: async () => 3,
  });
  await assert.rejects(sender.send([makeTransfer(other, 1n)]), { code: "transaction.nonce-gap" });
});

function createOptions(chain: ReturnType<typeof fakeChain>) {
  return { chainId, signer, parameters: DEFAULT_PARAMETERS, nowMs: () => 0, submit: chain.submit };
}
