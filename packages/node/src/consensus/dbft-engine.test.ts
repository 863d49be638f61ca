/** Seven validators in one process: they change, their headers lead a light client on, and forged ones do not. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import { certificate, commitSignBytes } from "@lhg/protocol/core/block/certificate";
import { hashHeader, header as headerCodec } from "@lhg/protocol/core/block/header";
import { hashValidators, sortValidators } from "@lhg/protocol/core/block/validator-set";
import { equalBytes } from "@lhg/protocol/core/bytes";
import { decode, encode } from "@lhg/protocol/core/codec/definition";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { type CertifiedHeader, EPOCH, type Trust, verifyHeader } from "@lhg/protocol/core/proof/anchor";
import type { Message } from "@lhg/protocol/ledger";
import { getValidatorsAt, getValidatorsVersion } from "@lhg/protocol/modules/validators/validators";
import { generateKey, type SecretKey } from "@lhg/sdk/keys/keys";
import { crashDisk, createDisk, type MemoryNode, startMemoryNode } from "../../e2e/memory-node.ts";
import { addressOf, approve, signTransaction } from "../../e2e/statements.ts";
import { createQueryContext, getCertifiedHeader } from "../application/query-context.ts";
import { createNativeSigner, sodiumCrypto } from "../crypto/sodium.ts";
import { createDevChain, type DevChain } from "../dev-chain.ts";

const EXPIRY_MS = Date.now() + 3_600_000;
const newKey = (): SecretKey => generateKey(ALG_EDDSA, (size) => randomBytes(size));

interface Change {
  readonly operator: Uint8Array;
  readonly consensusKey: Uint8Array;
  readonly power: bigint;
}

/** A chain whose process holds the keys of validators to come as well. */
function createWorld(newcomers: number) {
  const made = createDevChain(Date.now() - 1_000);
  const added = Array.from({ length: newcomers }, () => ({ operator: newKey(), consensus: newKey() }));
  const dev: DevChain = {
    ...made,
    consensusKeys: [...made.consensusKeys, ...added.map((entry) => entry.consensus)],
  };
  return { dev, added, disk: createDisk(1) };
}

let nonces = new WeakMap<SecretKey, number>();

async function send(node: MemoryNode, key: SecretKey, ...messages: Message[]): Promise<void> {
  const nonce = nonces.get(key) ?? 0;
  nonces.set(key, nonce + 1);
  const { chainId } = node.application;
  const signed = signTransaction(key, { chainId, nonce, expiryMs: EXPIRY_MS, messages });
  assert.equal((await node.submit(signed))[0]!.state, "accepted");
  await node.until(() => node.application.locate([signed.idBytes])[0] !== null);
  assert.equal(node.application.locate([signed.idBytes])[0]!.status, "ok");
}

async function changeValidators(
  node: MemoryNode,
  dev: DevChain,
  operators: readonly SecretKey[],
  changes: readonly Change[],
): Promise<void> {
  const version = getValidatorsVersion(node.application.state);
  const body = [changes.map(({ operator, consensusKey, power }) => [operator, consensusKey, power]), version];
  const { chainId } = node.application;
  const approvals = approve(operators, { chainId, name: "validators.change", body, expiryMs: EXPIRY_MS });
  await send(node, dev.faucet, { type: "validators.change", body: { changes, version, approvals } });
}

const tick: Message = { type: "chain.tick", body: {} };

test("validators come and go while the chain runs; headers name the sets two heights ahead", async () => {
  const { dev, added, disk } = createWorld(2);
  const node = await startMemoryNode({ dev, disk });
  const { application } = node;
  const genesisHash = hashValidators(sodiumCrypto, sortValidators(sodiumCrypto, dev.genesis.validators));
  await send(node, dev.faucet, tick);
  const join = added.map(({ operator, consensus }) => ({
    operator: addressOf(operator),
    consensusKey: consensus.publicKey,
    power: 1n,
  }));
  await changeValidators(node, dev, dev.operators.slice(0, 4), join);
  for (let i = 0; i < 4; i++) await send(node, dev.faucet, tick);
  assert.equal(application.tip.validators.length, 9);
  // Four of the first seven leave: without the two that joined no block would be signed any more.
  const leave = dev.genesis.validators.slice(0, 4).map((entry) => ({ ...entry, power: 0n }));
  await changeValidators(node, dev, dev.operators.slice(0, 5), leave);
  for (let i = 0; i < 4; i++) await send(node, dev.faucet, tick);
  assert.equal(application.tip.validators.length, 5);

  const trust: Trust = { chainId: application.chainId, validatorsHash: genesisHash };
  let handovers = 0;
  for (let height = 1; height < application.head.height; height++) {
    const { header } = application.getBlock(height)!;
    const next = application.getBlock(height + 1)!.header;
    assert.deepEqual(next.validatorsHash, header.nextValidatorsHash);
    if (!equalBytes(header.validatorsHash, header.nextValidatorsHash)) handovers++;
    const transitions = application
      .transitionsBefore(height)
      .map((at) => getCertifiedHeader(application, at));
    const verified = verifyHeader(sodiumCrypto, trust, {
      header: getCertifiedHeader(application, height),
      transitions,
    });
    assert.equal(verified.header.height, height);
    // Who pinned a later set is given all the changes since genesis, and follows those after its own.
    for (const past of transitions.length === 2 ? [1, height - 1, height] : [])
      verifyHeader(
        sodiumCrypto,
        { ...trust, validatorsHash: application.getBlock(past)!.header.validatorsHash },
        { header: getCertifiedHeader(application, height), transitions },
      );
    assert.throws(
      () =>
        verifyHeader(
          sodiumCrypto,
          { ...trust, validatorsHash: new Uint8Array(32) },
          { header: getCertifiedHeader(application, height), transitions },
        ),
      { code: "header.untrusted" },
    );
    assert.equal(
      transitions.length,
      handovers - (equalBytes(header.validatorsHash, header.nextValidatorsHash) ? 0 : 1),
    );
    if (handovers === 2 && transitions.length === 2)
      assert.throws(
        () =>
          verifyHeader(sodiumCrypto, trust, {
            header: getCertifiedHeader(application, height),
            transitions: [],
          }),
        { code: "header.untrusted" },
      );
  }
  assert.equal(handovers, 2);
  assert.ok(createQueryContext(application).provableHeight! > 8);
  await expectForgeriesRefused(node, trust, added[0]!.consensus);
  await node.stop();
});

/** Transitions that a traitor could write: to a set of its own, unsigned by those whom the client trusts. */
async function expectForgeriesRefused(
  { application }: MemoryNode,
  trust: Trust,
  traitor: SecretKey,
): Promise<void> {
  const real = getCertifiedHeader(application, 2);
  const own = [{ operator: addressOf(traitor), consensusKey: traitor.publicKey, power: 1n }];
  const ownHash = hashValidators(sodiumCrypto, own);
  const forge = (
    change: object,
    validators: CertifiedHeader["validators"],
    by: SecretKey,
  ): CertifiedHeader => {
    const header = { ...decode(headerCodec, real.header), ...change };
    const hash = hashHeader(sodiumCrypto, header);
    const message = commitSignBytes(trust.chainId, EPOCH, header.height, 0, hash);
    const signatures = [{ validatorIndex: 0, signature: createNativeSigner(by).sign(message) }];
    return {
      ...real,
      header: encode(headerCodec, header),
      validators,
      certificate: encode(certificate, { view: 0, signatures }),
    };
  };
  const last = forge({ height: 9, validatorsHash: ownHash, nextValidatorsHash: ownHash }, own, traitor);
  const refuse = (transitions: readonly CertifiedHeader[], code: string, header = last): void =>
    assert.throws(() => verifyHeader(sodiumCrypto, trust, { header, transitions }), { code });
  refuse([], "header.untrusted");
  refuse([forge({ nextValidatorsHash: ownHash }, real.validators, traitor)], "certificate.quorum");
  refuse([forge({ nextValidatorsHash: ownHash }, own, traitor)], "header.validators");
  const unsigned = {
    ...real,
    header: encode(headerCodec, { ...decode(headerCodec, real.header), nextValidatorsHash: ownHash }),
  };
  refuse([unsigned], "certificate.signature");
  refuse([getCertifiedHeader(application, 2)], "header.untrusted");
  refuse([getCertifiedHeader(application, 3), getCertifiedHeader(application, 2)], "header.order");
  const elsewhere = { ...trust, chainId: "other-00000000" };
  assert.throws(() => verifyHeader(sodiumCrypto, elsewhere, { header: real, transitions: [] }), {
    code: "header.chain",
  });
}

test("an operator's new consensus key signs two heights on, and a restart goes on from there", async () => {
  nonces = new WeakMap();
  const { dev, added, disk } = createWorld(1);
  const node = await startMemoryNode({ dev, disk });
  const fresh = added[0]!.consensus.publicKey;
  // The operator pays its first fee with what the faucet gives it.
  const operator = dev.operators[2]!;
  await send(node, dev.faucet, {
    type: "token.transfer",
    body: { to: addressOf(operator), amount: 10n ** 10n },
  });
  await send(node, operator, { type: "validators.rotate-key", body: { consensusKey: fresh } });
  for (let i = 0; i < 3; i++) await send(node, dev.faucet, tick);
  const holds = (at: MemoryNode): boolean =>
    at.application.tip.validators.some((entry) => equalBytes(entry.consensusKey, fresh));
  assert.ok(holds(node));
  crashDisk(disk);
  node.engine.stop();
  const again = await startMemoryNode({ dev, disk });
  assert.ok(holds(again));
  await send(again, dev.faucet, tick);
  assert.equal(getValidatorsAt(again.application.state, again.application.head.height).length, 7);
  await again.stop();
});
