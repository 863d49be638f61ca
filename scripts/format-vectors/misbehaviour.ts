/** Evidence that blocks of the run carry: two misbehaviours of operator 0, and further proofs of the first. */
import {
  CHANGE_VIEW,
  COMMIT,
  changeViewSignBytes,
  voteSignBytes,
} from "../../packages/protocol/src/core/block/certificate.ts";
import {
  type Evidence,
  type EvidenceVote,
  verifyEvidence,
} from "../../packages/protocol/src/core/block/evidence.ts";
import type { ValidatorSet } from "../../packages/protocol/src/core/block/validator-set.ts";
import { encodeUtf8 } from "../../packages/protocol/src/core/bytes.ts";
import { encodeCbor } from "../../packages/protocol/src/core/codec/cbor.ts";
import type { Misbehaviour } from "../../packages/protocol/src/modules/validators/validators.ts";
import { consensusKeys, crypto, operators } from "./actors.ts";
import { CHAIN_ID } from "./genesis.ts";

const HEIGHT = 2;
const SCOPE = { chainId: CHAIN_ID, epoch: 0, height: HEIGHT };
const { signer } = consensusKeys[0]!;

function commitTo(name: string): EvidenceVote {
  const blockHash = crypto.sha256(encodeUtf8(name));
  const signature = signer.sign(voteSignBytes(SCOPE, 0, COMMIT, blockHash));
  return { blockHash, preparedView: null, signature };
}

function changeOfView(prepared: { view: number; blockHash: Uint8Array } | null): EvidenceVote {
  const signature = signer.sign(changeViewSignBytes(SCOPE, 1, prepared));
  return { blockHash: prepared?.blockHash ?? null, preparedView: prepared?.view ?? null, signature };
}

const of = { epoch: 0, height: HEIGHT, validatorIndex: 0 };
const commits = { ...of, view: 0, type: COMMIT };
const [a, b, c] = ["block a", "block b", "block c"].map(commitTo) as [
  EvidenceVote,
  EvidenceVote,
  EvidenceVote,
];

const carried: ReadonlyMap<number, readonly Evidence[]> = new Map([
  [
    3,
    [
      { ...commits, first: a, second: b },
      { ...commits, first: a, second: c },
      {
        ...of,
        view: 1,
        type: CHANGE_VIEW,
        first: changeOfView(null),
        second: changeOfView({ view: 0, blockHash: a.blockHash! }),
      },
    ],
  ],
  [6, [{ ...commits, first: b, second: c }]],
]);

export function evidenceOf(height: number): readonly Evidence[] {
  return carried.get(height) ?? [];
}

/** What evidence proves, by the set of its height. */
export function openEvidence(subject: Evidence, validators: ValidatorSet): Misbehaviour {
  verifyEvidence(crypto, CHAIN_ID, subject, validators);
  const { height, view, type, validatorIndex } = subject;
  return { operator: validators[validatorIndex]!.operator, height, view, type };
}

/** Where the commits of operator 0 are on record. */
export const commitsKey = encodeCbor([2, 3, operators[0]!.address, HEIGHT, 0, COMMIT]);
