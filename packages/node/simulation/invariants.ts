/** What must hold in every run, checked where it could break first. A violation is thrown and ends the run. */
import {
  CHANGE_VIEW,
  COMMIT,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  verifyCertificate,
} from "@lhg/protocol/core/block/certificate";
import { type Evidence, verifyEvidence } from "@lhg/protocol/core/block/evidence";
import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import type { CoreState, Decision, Durable, Received, Validator } from "../src/consensus/dbft/core.ts";
import { decodeDurable, durableOf, encodeDurable } from "../src/consensus/dbft/durable.ts";
import type {
  ChangeViewVote,
  Message,
  PreparedCertificate,
  PrepareRequest,
} from "../src/consensus/dbft/messages.ts";
import { KEPT_REQUESTS } from "../src/consensus/dbft/requests.ts";
import { VIEW_SLOTS, VOTE_TYPES } from "../src/consensus/dbft/votes.ts";
import { toyVerifier } from "./toys.ts";

export class Violation extends Error {
  constructor(what: string) {
    super(what);
    this.name = "Violation";
  }
}

function demand(condition: boolean, what: () => string): void {
  if (!condition) throw new Violation(what());
}

interface Finding {
  readonly view: number;
  readonly hash: string;
}

export interface Invariants {
  readonly chainId: string;
  /** By height. */
  readonly decisions: Map<number, Finding[]>;
  readonly certificates: Map<number, Finding[]>;
  /** (validator key, height, view, type) -> what an honest validator signed there and sent. */
  readonly sent: Map<string, string>;
  /** By height: the state after the block. */
  readonly roots: Map<number, Uint8Array>;
}

export function createInvariants(chainId: string): Invariants {
  return { chainId, decisions: new Map(), certificates: new Map(), sent: new Map(), roots: new Map() };
}

function findingsOf(map: Map<number, Finding[]>, height: number): Finding[] {
  const found = map.get(height) ?? [];
  map.set(height, found);
  return found;
}

/** Agreement, a valid certificate, and no prepared certificate of a later view for another block. */
export function checkDecision(
  invariants: Invariants,
  height: number,
  decision: Pick<Decision, "blockHash" | "certificate">,
  validators: readonly Validator[],
): void {
  const scope = { chainId: invariants.chainId, epoch: 0, height };
  verifyCertificate(toyVerifier, scope, decision.blockHash, decision.certificate, validators);
  const hash = toHex(decision.blockHash);
  const { view } = decision.certificate;
  const decisions = findingsOf(invariants.decisions, height);
  for (const other of decisions)
    demand(other.hash === hash, () => `height ${height}: ${hash} and ${other.hash} are both decided`);
  for (const other of findingsOf(invariants.certificates, height))
    demand(
      other.view <= view || other.hash === hash,
      () => `height ${height}: decided in view ${view}, another prepared in ${other.view}`,
    );
  decisions.push({ view, hash });
}

/** A certificate that an honest validator made durable agrees with decisions of earlier views. */
export function checkPrepared(invariants: Invariants, { height, prepared }: Durable): void {
  if (prepared !== null) checkCertificate(invariants, height, prepared.certificate);
}

/** So does every certificate that an honest validator found valid in a message, whoever put it together. */
export function seesCertificates(invariants: Invariants, { type, body }: Message): void {
  const seen = (certificate: PreparedCertificate | null | undefined): void => {
    if (certificate) checkCertificate(invariants, body.height, certificate);
  };
  if (type === "change-view") seen(body.certificate);
  else if (type === "prepare-request") seen(body.justification?.certificate);
}

function checkCertificate(
  invariants: Invariants,
  height: number,
  { view, blockHash }: PreparedCertificate,
): void {
  const hash = toHex(blockHash);
  const certificates = findingsOf(invariants.certificates, height);
  if (certificates.some((held) => held.view === view && held.hash === hash)) return;
  for (const decision of findingsOf(invariants.decisions, height))
    demand(
      decision.view >= view || decision.hash === hash,
      () => `height ${height}: prepared in view ${view} against the decision of ${decision.view}`,
    );
  for (const other of certificates)
    demand(other.view !== view, () => `height ${height}: two blocks prepared in view ${view}`);
  certificates.push({ view, hash });
}

export function checkMemory({ requests, votes, validators, changeViews, absent }: CoreState): void {
  demand(requests.length <= KEPT_REQUESTS, () => `more than ${KEPT_REQUESTS} proposals are kept`);
  demand(absent.length <= validators.length, () => "more absentees than validators");
  for (const held of changeViews) demand(held.length <= 2, () => "more than two ChangeViews of a validator");
  for (const type of VOTE_TYPES) {
    demand(votes[type].length === validators.length, () => "slots are by validator");
    for (const slots of votes[type])
      demand(slots.length <= 2 * VIEW_SLOTS, () => `more than ${2 * VIEW_SLOTS} votes of a validator`);
  }
}

/** What an honest validator sent, or recorded and so may pass on, no other one calls invalid. */
export function checkReceived(
  sound: WeakSet<Message>,
  message: Message,
  received: Received | undefined,
): void {
  if (received === "recorded") sound.add(message);
  demand(received !== "invalid" || !sound.has(message), () => `a sound ${message.type} is called invalid`);
}

/** Equal state roots. */
export function checkRoot({ roots }: Invariants, height: number, root: Uint8Array): void {
  const other = roots.get(height) ?? root;
  demand(equalBytes(other, root), () => `height ${height}: two states`);
  roots.set(height, root);
}

/** Nothing an honest validator sends conflicts with what it sent before, restarts or not. */
export function checkSent(invariants: Invariants, key: number, ownIndex: number, message: Message): void {
  const { height } = message.body;
  const vote = (type: number, view: number, content: string): void => {
    const place = `${key}/${height}/${view}/${type}`;
    const before = invariants.sent.get(place) ?? content;
    demand(before === content, () => `${place}: ${before} and ${content} are both signed`);
    invariants.sent.set(place, content);
  };
  const changeView = ({ view, prepared }: ChangeViewVote): void =>
    vote(CHANGE_VIEW, view, prepared ? `${prepared.view} ${toHex(prepared.blockHash)}` : "none");
  const request = (body: PrepareRequest): void => vote(PREPARE_REQUEST, body.view, toHex(body.blockHash));
  if (message.type === "prepare-request") request(message.body);
  else if (message.type === "prepare-response")
    vote(PREPARE_RESPONSE, message.body.view, toHex(message.body.blockHash));
  else if (message.type === "commit") vote(COMMIT, message.body.view, toHex(message.body.blockHash));
  else if (message.type === "change-view") changeView(message.body.vote);
  else if (message.type === "recovery-message") {
    const isOwn = (part: { readonly validatorIndex: number }): boolean => part.validatorIndex === ownIndex;
    if (message.body.request !== null && isOwn(message.body.request)) request(message.body.request);
    for (const part of message.body.responses.filter(isOwn))
      vote(PREPARE_RESPONSE, part.view, toHex(part.blockHash));
    for (const part of message.body.commits.filter(isOwn)) vote(COMMIT, part.view, toHex(part.blockHash));
    for (const part of message.body.changeViews.filter(isOwn)) changeView(part);
  }
}

/** Evidence is sound, and only a traitor is ever accused. */
export function checkEvidence(
  invariants: Invariants,
  evidence: Evidence,
  validators: readonly Validator[],
  isTraitor: (validator: Validator) => boolean,
): void {
  verifyEvidence(toyVerifier, invariants.chainId, evidence, validators);
  const accused = validators[evidence.validatorIndex]!;
  demand(isTraitor(accused), () => `honest validator ${evidence.validatorIndex} is accused`);
}

export function checkMonotonic(before: { height: number; view: number }, state: CoreState): void {
  const isHigher = state.height > before.height;
  demand(
    isHigher || (state.height === before.height && state.view >= before.view),
    () => `height ${before.height} view ${before.view} went back to ${state.height} view ${state.view}`,
  );
}

/** restart(state) = state: what is restored is what was durable. Called before anything else can change it. */
export function checkRestored(state: CoreState, durable: Uint8Array | undefined): void {
  if (durable === undefined || decodeDurable(durable).height !== state.height || state.ownIndex < 0) return;
  demand(equalBytes(encodeDurable(durableOf(state)), durable), () => "a restart changed the durable record");
}
