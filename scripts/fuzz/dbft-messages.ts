/** Messages of dBFT as validators with any intent could sign them, and what is left of them when a field is changed. */

import { blockOf } from "../../packages/node/simulation/puppets.ts";
import { makeSigning, makeValidators, openProposal } from "../../packages/node/simulation/toys.ts";
import type { Validator } from "../../packages/node/src/consensus/dbft/core.ts";
import type {
  ChangeViewVote,
  Message,
  PreparedCertificate,
  PrepareRequest,
} from "../../packages/node/src/consensus/dbft/messages.ts";
import { primaryIndex } from "../../packages/node/src/consensus/dbft/quorum.ts";
import { createRandom } from "../../packages/node/src/store/memory-store.ts";
import {
  COMMIT,
  changeViewSignBytes,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  RECOVERY_REQUEST,
  type VoteType,
  voteSignBytes,
} from "../../packages/protocol/src/core/block/certificate.ts";
import { votesNeeded } from "../../packages/protocol/src/core/block/validator-set.ts";
import { pick, type Random } from "./mutate.ts";

export const HEIGHT = 20;
export const SCOPE = { chainId: "test-00", epoch: 0, height: HEIGHT };
const POOL_SIZE = 1_500;

/** A validator set of one size with everything its keys signed: each message of the pool keeps to the protocol by itself. */
export interface Cast {
  readonly validators: readonly Validator[];
  readonly proposals: readonly Uint8Array[];
  readonly hashes: readonly Uint8Array[];
  /** The whole pool, then what concerns the first four and the first two views. */
  readonly pools: readonly (readonly Message[])[];
}

/** Votes concentrate on two blocks in early views, so that quorums come about. */
function drawView(random: Random): number {
  const kind = random(8);
  return kind < 4 ? random(2) : kind < 7 ? random(5) : random(14);
}

export function makeCast(count: number): Cast {
  const proposals = ["a", "b", "c"].map((label) => blockOf(HEIGHT, label));
  const hashes = proposals.map((proposal) => openProposal(proposal)!.blockHash);
  const cast = { validators: makeValidators(count), proposals, hashes };
  const random = createRandom(count);
  const pool = Array.from({ length: POOL_SIZE }, (_, i) => makeMessage(random, cast, i % 6));
  const upTo = (view: number): Message[] => pool.filter((message) => highestView(message.body) <= view);
  return { ...cast, pools: [pool, upTo(3), upTo(1)] };
}
type Signers = Omit<Cast, "pools">;

function highestView(value: unknown): number {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return 0;
  const own = "view" in value ? Number(value.view) : 0;
  return Math.max(own, ...Object.values(value).map(highestView));
}

function sign(cast: Signers, index: number, bytes: Uint8Array): Uint8Array {
  const validator = cast.validators[index % cast.validators.length]!;
  return makeSigning(validator.consensusKey).sign(bytes);
}

type SignedType = VoteType | typeof RECOVERY_REQUEST;

function signVote<T extends { validatorIndex: number; view: number; blockHash: Uint8Array }>(
  cast: Signers,
  type: SignedType,
  vote: T,
): T & { signature: Uint8Array } {
  const bytes = voteSignBytes(SCOPE, vote.view, type, vote.blockHash);
  return { ...vote, signature: sign(cast, vote.validatorIndex, bytes) };
}

function signChangeView(cast: Signers, vote: Omit<ChangeViewVote, "signature">): ChangeViewVote {
  const bytes = changeViewSignBytes(SCOPE, vote.view, vote.prepared);
  return { ...vote, signature: sign(cast, vote.validatorIndex, bytes) };
}

/** `size` validators, ascending, `member` among them. */
function drawSet(random: Random, count: number, size: number, member: number): number[] {
  const rest = Array.from({ length: count }, (_, i) => i).filter((i) => i !== member);
  while (rest.length >= size) rest.splice(random(rest.length), 1);
  return [member, ...rest].sort((a, b) => a - b);
}

function certify(random: Random, cast: Signers, view: number, blockHash: Uint8Array): PreparedCertificate {
  const count = cast.validators.length;
  const primary = primaryIndex(HEIGHT, view, count);
  const signatures = drawSet(random, count, votesNeeded(count), primary).map((validatorIndex) => {
    const type = validatorIndex === primary ? PREPARE_REQUEST : PREPARE_RESPONSE;
    const { signature } = signVote(cast, type, { validatorIndex, view, blockHash });
    return { validatorIndex, signature };
  });
  return { view, blockHash, signatures };
}

function makeRequest(random: Random, cast: Signers): PrepareRequest {
  const count = cast.validators.length;
  const view = drawView(random);
  const block = pick(random, [0, 0, 1, 1, 2]);
  const blockHash = cast.hashes[block]!;
  const certificate = view > 0 && random(2) === 0 ? certify(random, cast, random(view), blockHash) : null;
  const claim = certificate && { view: certificate.view, blockHash };
  const senders = drawSet(random, count, votesNeeded(count), random(count));
  const changeViews = senders.map((validatorIndex, i) => {
    // A lower claim needs no proof.
    const lower = claim !== null && claim.view > 0 && random(4) === 0 ? { ...claim, view: 0 } : null;
    return signChangeView(cast, {
      validatorIndex,
      view,
      prepared: i === 0 || random(2) === 0 ? claim : lower,
    });
  });
  const vote = { validatorIndex: primaryIndex(HEIGHT, view, count), view, blockHash };
  return {
    height: HEIGHT,
    ...signVote(cast, PREPARE_REQUEST, vote),
    proposal: cast.proposals[block]!,
    justification: view === 0 ? null : { changeViews, certificate },
  };
}

function makeVote(random: Random, cast: Signers, type: typeof PREPARE_RESPONSE | typeof COMMIT) {
  const count = cast.validators.length;
  const view = drawView(random);
  const primary = primaryIndex(HEIGHT, view, count);
  const backup = count === 1 ? 0 : (primary + 1 + random(count - 1)) % count;
  const validatorIndex = type === COMMIT ? random(count) : backup;
  return signVote(cast, type, { validatorIndex, view, blockHash: pick(random, cast.hashes) });
}

function makeChangeView(random: Random, cast: Signers) {
  const view = 1 + drawView(random);
  const blockHash = pick(random, cast.hashes);
  const certificate = random(2) === 0 ? certify(random, cast, random(view), blockHash) : null;
  const prepared = certificate && { view: certificate.view, blockHash };
  const validatorIndex = random(cast.validators.length);
  return { vote: signChangeView(cast, { validatorIndex, view, prepared }), certificate };
}

/** A message of one of the six types. */
function makeMessage(random: Random, cast: Signers, type: number): Message {
  const height = HEIGHT;
  const backs = cast.validators.length > 1;
  switch (type) {
    case 0:
      return { type: "prepare-request", body: makeRequest(random, cast) };
    case 1:
      if (backs)
        return { type: "prepare-response", body: { height, ...makeVote(random, cast, PREPARE_RESPONSE) } };
      return makeMessage(random, cast, 2);
    case 2:
      return { type: "commit", body: { height, ...makeVote(random, cast, COMMIT) } };
    case 3:
      return { type: "change-view", body: { height, ...makeChangeView(random, cast) } };
    case 4: {
      const asked = { validatorIndex: random(cast.validators.length), view: drawView(random) };
      const { blockHash, ...request } = signVote(cast, RECOVERY_REQUEST, {
        ...asked,
        blockHash: pick(random, cast.hashes),
      });
      return { type: "recovery-request", body: { height, ...request, wantedHash: blockHash } };
    }
    default: {
      const list = <T>(make: () => T): T[] => Array.from({ length: random(4) }, make);
      const changes = list(() => makeChangeView(random, cast));
      const body = {
        height,
        request: random(2) === 0 ? makeRequest(random, cast) : null,
        responses: backs ? list(() => makeVote(random, cast, PREPARE_RESPONSE)) : [],
        commits: list(() => makeVote(random, cast, COMMIT)),
        changeViews: changes.map(({ vote }) => vote),
        certificates: changes.flatMap(({ certificate }) => certificate ?? []),
        wantedProposal: random(2) === 0 ? pick(random, cast.proposals) : null,
      };
      return { type: "recovery-message", body };
    }
  }
}

/** The message with every signature made anew for what it says now, whatever that is. */
export function signAgain(cast: Cast, message: Message): Message {
  const request = (body: PrepareRequest): PrepareRequest => ({
    ...signVote(cast, PREPARE_REQUEST, body),
    justification: body.justification && {
      ...body.justification,
      changeViews: body.justification.changeViews.map((vote) => signChangeView(cast, vote)),
    },
  });
  switch (message.type) {
    case "prepare-request":
      return { ...message, body: request(message.body) };
    case "prepare-response":
      return { ...message, body: signVote(cast, PREPARE_RESPONSE, message.body) };
    case "commit":
      return { ...message, body: signVote(cast, COMMIT, message.body) };
    case "change-view":
      return { ...message, body: { ...message.body, vote: signChangeView(cast, message.body.vote) } };
    case "recovery-request": {
      const { view, wantedHash, validatorIndex } = message.body;
      const bytes = voteSignBytes(SCOPE, view, RECOVERY_REQUEST, wantedHash);
      return { ...message, body: { ...message.body, signature: sign(cast, validatorIndex, bytes) } };
    }
    case "recovery-message": {
      const { body } = message;
      return {
        ...message,
        body: {
          ...body,
          request: body.request && request(body.request),
          responses: body.responses.map((vote) => signVote(cast, PREPARE_RESPONSE, vote)),
          commits: body.commits.map((vote) => signVote(cast, COMMIT, vote)),
          changeViews: body.changeViews.map((vote) => signChangeView(cast, vote)),
        },
      };
    }
  }
}

const NUMBERS = [0, 1, 2, 3, 6, 7, 19, 20, 21, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 53 - 1];

/** Changes one place of a value of plain data; `donors` lend parts of the same kind. */
export function changeField(random: Random, value: unknown, donors: readonly Message[]): unknown {
  if (value instanceof Uint8Array) return changeBytes(random, value, donors);
  if (Array.isArray(value)) {
    if (value.length === 0) return value;
    const at = random(value.length);
    const kind = random(8);
    if (kind === 0) return value.toSpliced(at, 1);
    if (kind === 1) return value.toSpliced(at, 0, value[at]);
    if (kind === 2) return value.toReversed();
    return value.with(at, changeField(random, value[at], donors));
  }
  if (typeof value === "number") return random(3) === 0 ? pick(random, NUMBERS) : value + random(3) - 1;
  if (typeof value !== "object" || value === null) return value;
  const names = Object.keys(value);
  const name = pick(random, names);
  const { [name]: held } = value as Record<string, unknown>;
  const lent = random(3) === 0 ? findField(pick(random, donors).body, name) : undefined;
  if (lent !== undefined) return { ...value, [name]: lent };
  return { ...value, [name]: random(12) === 0 ? null : changeField(random, held, donors) };
}

function changeBytes(random: Random, bytes: Uint8Array, donors: readonly Message[]): Uint8Array {
  const kind = random(4);
  if (kind === 0) {
    const name = bytes.length === 64 ? "signature" : "blockHash";
    const lent = findField(pick(random, donors).body, name);
    if (lent instanceof Uint8Array) return lent;
  }
  if (kind === 1) return bytes.slice(random(bytes.length + 1));
  const copy = bytes.slice();
  if (copy.length > 0) copy[random(copy.length)]! ^= 1 << random(8);
  return copy;
}

/** The first field of this name, however deep. */
function findField(value: unknown, name: string): unknown {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return undefined;
  if (!Array.isArray(value) && name in value) return (value as Record<string, unknown>)[name];
  for (const inner of Object.values(value)) {
    const found = findField(inner, name);
    if (found !== undefined) return found;
  }
  return undefined;
}
