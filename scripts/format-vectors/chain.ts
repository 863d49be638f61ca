/** A small run: genesis, five blocks with statements of every kind, and a sixth that certifies the fifth. */
import { p256 } from "@noble/curves/nist.js";

import { makeProposal, openProposal } from "../../packages/node/src/blocks/proposal.ts";
import { certificate, commitSignBytes } from "../../packages/protocol/src/core/block/certificate.ts";
import { type Evidence, evidence as evidenceCodec } from "../../packages/protocol/src/core/block/evidence.ts";
import { type Header, hashHeader } from "../../packages/protocol/src/core/block/header.ts";
import { hashValidators, type ValidatorSet } from "../../packages/protocol/src/core/block/validator-set.ts";
import { byteString, ZERO32 } from "../../packages/protocol/src/core/bytes.ts";
import { encode } from "../../packages/protocol/src/core/codec/definition.ts";
import { decodeSign1, signStatement, toSignatureCheck } from "../../packages/protocol/src/core/cose.ts";
import { emptyLogRoot } from "../../packages/protocol/src/core/merkle/log.ts";
import { EPOCH } from "../../packages/protocol/src/core/proof/anchor.ts";
import { type StateCommit, VersionedState } from "../../packages/protocol/src/core/state/versioned-state.ts";
import type { Submission } from "../../packages/protocol/src/core/statement/submission.ts";
import { type BlockResult, executeBlock, executeGenesis } from "../../packages/protocol/src/execute-block.ts";
import { encodeTransaction, type Message, type Transaction } from "../../packages/protocol/src/ledger.ts";
import { getValidatorsAt } from "../../packages/protocol/src/modules/validators/validators.ts";
import { prepareStatement } from "../../packages/protocol/src/statements.ts";
import {
  type Actor,
  acme,
  alice,
  beta,
  bob,
  carol,
  carolsNewKey,
  consensusKeys,
  crypto,
  newConsensusKey,
  operators,
} from "./actors.ts";
import { captures } from "./captures.ts";
import { collections } from "./collections.ts";
import { CHAIN_ID, GENESIS, GENESIS_MS } from "./genesis.ts";
import { messages, overdraft } from "./messages.ts";
import { evidenceOf, openEvidence } from "./misbehaviour.ts";

export interface NamedSubmission {
  readonly name: string;
  readonly submission: Submission;
}

const nonces = new Map<string, number>();

/** Under the next nonce that `by` has used here, unless `over` names one. */
function send(
  name: string,
  by: Actor,
  sent: readonly Message[],
  over: Partial<Transaction> = {},
  signer: Actor = by,
): NamedSubmission {
  const nonce = over.nonce ?? nonces.get(by.name) ?? 0;
  if (over.nonce === undefined) nonces.set(by.name, nonce + 1);
  const payload = encodeTransaction({
    chainId: CHAIN_ID,
    sender: by.address,
    payer: by.address,
    nonce,
    gasLimit: 100_000,
    gasPrice: 1n,
    expiryMs: GENESIS_MS + 600_000,
    messages: sent,
    ...over,
  });
  return {
    name,
    submission: { statement: signStatement(signer.signer, "transaction", payload), body: null },
  };
}

function damage({ name, submission }: NamedSubmission): NamedSubmission {
  const statement = submission.statement.slice();
  statement[statement.length - 1]! ^= 1;
  return { name, submission: { statement, body: null } };
}

/** Another valid signature of the same words, as ECDSA has many: the same id under another leaf hash. */
function signAgain(name: string, { key }: Actor, { submission }: NamedSubmission): NamedSubmission {
  const { message, signature: first } = toSignatureCheck(decodeSign1(submission.statement));
  const extraEntropy = new Uint8Array(32).fill(1);
  const signature = p256.sign(message, key.secret, { prehash: true, lowS: true, extraEntropy });
  const statement = submission.statement.slice();
  statement.set(signature, statement.length - first.length);
  return { name, submission: { statement, body: null } };
}

const collected = (key: keyof typeof collections): NamedSubmission => ({
  name: `collection ${key}`,
  submission: collections[key].submission,
});
const captured = (key: keyof typeof captures): NamedSubmission => ({
  name: `capture ${key}`,
  submission: captures[key].submission,
});

const paidByAnother = send("fees paid by another", bob, [messages["chain.tick"]], { payer: alice.address });

export const blocks: readonly (readonly NamedSubmission[])[] = [
  [
    send("transfer", alice, [messages["token.transfer"]]),
    send("nonce used", alice, [messages["chain.tick"]], { nonce: 0 }),
    send("several messages", alice, [messages["token.allow-fees"], messages["token.buy-credit"]]),
    send("rotate account key", carol, [messages["identity.rotate-key"]]),
    send("register device", acme, [messages["identity.register-device"]]),
    send("nonce ahead", carol, [messages["chain.tick"]], { nonce: 9 }, carolsNewKey),
  ],
  [
    paidByAnother,
    signAgain("same words, another signature", bob, paidByAnother),
    send("former account key", carol, [messages["chain.tick"]], { nonce: 1 }),
    collected("first"),
    collected("third"),
    send("change validators", operators[0]!, [messages["validators.change"]]),
    send("rotate consensus key", operators[1]!, [messages["validators.rotate-key"]]),
    send("schedule a parameter", operators[3]!, [messages["chain.set-parameter"]]),
    send("admit vendor", alice, [messages["identity.admit-vendor"]]),
    send("create group", alice, [messages["groups.create"]]),
  ],
  [
    collected("second"),
    collected("relative"),
    collected("forked"),
    send("overdraft", alice, [messages["token.transfer"], overdraft]),
    send("too little gas", alice, [messages["chain.tick"]], { nonce: 5, gasLimit: 600 }),
    send("delegate capture", acme, [messages["identity.delegate-capture"]]),
    send("register a digest", alice, [messages["attestation.register"]]),
    send("command a device", acme, [messages["command.delegate"], messages["command.send"]]),
    send("device upkeep", acme, [messages["identity.rotate-device-key"], messages["identity.limit-device"]]),
    send("credit for beta", alice, [
      { type: "token.buy-credit", body: { vendor: beta.address, credits: 1_000 } },
    ]),
    damage(send("wrong signature", carol, [messages["chain.tick"]], { nonce: 1 }, carolsNewKey)),
    send(
      "expired",
      carol,
      [messages["chain.tick"]],
      { nonce: 1, expiryMs: GENESIS_MS + 3_000 },
      carolsNewKey,
    ),
  ],
  [
    captured("made"),
    captured("observed"),
    captured("stolen"),
    collected("formerKey"),
    collected("fifth"),
    send(
      "another chain",
      carol,
      [messages["chain.tick"]],
      { nonce: 1, chainId: "lhg-other-00" },
      carolsNewKey,
    ),
  ],
  [
    captured("corrected"),
    send("open stream", acme, [messages["collection.open-stream"]]),
    send("revoke device", acme, [messages["identity.revoke-device"]]),
    send("revoke capture key", acme, [messages["identity.revoke-capture"]]),
    send("move and merge groups", alice, [messages["groups.move"], messages["groups.merge"]]),
    send("schedule an upgrade", alice, [messages["chain.schedule-upgrade"]]),
    send("expel vendor", alice, [messages["identity.expel-vendor"]]),
    send("new account key", carol, [messages["chain.tick"]], { nonce: 1 }, carolsNewKey),
  ],
  [collected("revoked")],
];

export interface RunBlock {
  readonly header: Header;
  readonly blockHash: Uint8Array;
  readonly proposal: Uint8Array;
  readonly certificate: Uint8Array;
  readonly validators: ValidatorSet;
  readonly statements: readonly NamedSubmission[];
  readonly evidence: readonly Evidence[];
  readonly result: BlockResult;
}

export interface Run {
  readonly state: VersionedState;
  readonly genesisAppHash: Uint8Array;
  readonly blocks: readonly RunBlock[];
}

/** Keys that sign by consensus key, the second one of operator 1 included. */
const signers = [...consensusKeys, newConsensusKey];

function certify(height: number, blockHash: Uint8Array, validators: ValidatorSet): Uint8Array {
  const view = height === 3 ? 1 : 0;
  const message = commitSignBytes(CHAIN_ID, EPOCH, height, view, blockHash);
  // The last of the set stays silent, as far as a quorum allows it.
  const signatures = validators.slice(0, Math.max(3, validators.length - 1)).map((entry, validatorIndex) => {
    const signer = signers.find(({ key }) => byteString(key.publicKey) === byteString(entry.consensusKey))!;
    return { validatorIndex, signature: signer.signer.sign(message) };
  });
  return encode(certificate, { view, signatures });
}

/** What the next header takes from the block before. */
interface Tip {
  readonly parent: Uint8Array;
  readonly appHash: Uint8Array;
  readonly resultsHash: Uint8Array;
  readonly certificate: Uint8Array | null;
}

export function runChain(): Run {
  const store = new Map<string, Uint8Array>();
  const state = new VersionedState(crypto, { get: (key) => store.get(byteString(key)) });
  const apply = (commit: StateCommit): void => {
    for (const { key, value } of commit.writes)
      if (value === undefined) store.delete(byteString(key));
      else store.set(byteString(key), value);
    commit.accept();
  };
  const genesisCommit = executeGenesis(crypto, state, GENESIS);
  apply(genesisCommit);
  const out: RunBlock[] = [];
  let tip: Tip = {
    parent: ZERO32,
    appHash: genesisCommit.appHash,
    resultsHash: emptyLogRoot(crypto),
    certificate: null,
  };
  for (const [i, statements] of blocks.entries()) {
    const height = i + 1;
    const validators = getValidatorsAt(state, height);
    const evidence = evidenceOf(height);
    const prepared = statements.map(({ submission }) => prepareStatement(crypto, submission));
    const proposal = makeProposal(
      crypto,
      {
        chainId: CHAIN_ID,
        protocolVersion: 1,
        height,
        parent: tip.parent,
        appHash: tip.appHash,
        resultsHash: tip.resultsHash,
        validatorsHash: hashValidators(crypto, validators),
        nextValidatorsHash: hashValidators(crypto, getValidatorsAt(state, height + 1)),
      },
      {
        proposer: validators[0]!.operator,
        timeMs: GENESIS_MS + 1_000 * height,
        statements: prepared.map(({ leafHash }) => leafHash),
        lastCertificate: tip.certificate,
        evidence: evidence.map((entry) => encode(evidenceCodec, entry)),
      },
    );
    const opened = openProposal(crypto, proposal)!;
    const blockHash = hashHeader(crypto, opened.header);
    const result = executeBlock(crypto, state, {
      chainId: CHAIN_ID,
      height,
      timeMs: opened.header.timeMs,
      misbehaviours: evidence.map((entry) => openEvidence(entry, out[entry.height - 1]!.validators)),
      statements: prepared.map((statement) => ({
        statement,
        isSignatureValid: crypto.verify(toSignatureCheck(statement.sign1)),
      })),
    });
    apply(result.commit);
    const certificateBytes = certify(height, blockHash, validators);
    out.push({
      header: opened.header,
      blockHash,
      proposal,
      certificate: certificateBytes,
      validators,
      statements,
      evidence,
      result,
    });
    tip = {
      parent: blockHash,
      appHash: result.commit.appHash,
      resultsHash: result.resultsHash,
      certificate: certificateBytes,
    };
  }
  return { state, genesisAppHash: genesisCommit.appHash, blocks: out };
}
