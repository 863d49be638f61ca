/** All that one traitor can sign and put together from what honest validators sent. */
import {
  COMMIT,
  changeViewSignBytes,
  PREPARE_REQUEST,
  PREPARE_RESPONSE,
  voteSignBytes,
} from "@lhg/protocol/core/block/certificate";
import { toHex } from "@lhg/protocol/core/bytes";
import type { Message, PreparedCertificate, PrepareRequest } from "../src/consensus/dbft/messages.ts";
import { primaryIndex } from "../src/consensus/dbft/quorum.ts";
import { blockOf, HEIGHT, idOf, type MessageTable, quorumsOf, SCOPE } from "./local-states.ts";
import { makeSigning, makeValidators, openProposal } from "./toys.ts";

const COUNT = 4;
const QUORUM = 3;

export interface Forger {
  readonly traitor: number;
  readonly views: number;
  readonly table: MessageTable;
  readonly sign: (message: Uint8Array) => Uint8Array;
  /** By what was sent. */
  readonly known: Map<string, readonly number[]>;
}

export function createForger(traitor: number, views: number, table: MessageTable): Forger {
  const { consensusKey } = makeValidators(COUNT)[traitor]!;
  return { traitor, views, table, sign: makeSigning(consensusKey).sign, known: new Map() };
}

/** Ids of the messages that the traitor can add to those sent: votes for every block, every ChangeView and proposal that can be justified. */
export function forge(forger: Forger, sent: readonly number[]): readonly number[] {
  const name = sent.join();
  const known = forger.known.get(name);
  if (known !== undefined) return known;
  const { table, traitor, views } = forger;
  const all = new Set(sent);
  const add = (message: Message): void => void all.add(idOf(table, message));
  for (let view = 0; view < views; view++) {
    if (primaryIndex(HEIGHT, view, COUNT) === traitor)
      for (const request of forgeRequests(forger, [...all], view)) add(request);
    for (const { blockHash } of requestsIn(table, all, view)) {
      if (primaryIndex(HEIGHT, view, COUNT) !== traitor)
        add({ type: "prepare-response", body: vote(forger, PREPARE_RESPONSE, view, blockHash) });
      add({ type: "commit", body: vote(forger, COMMIT, view, blockHash) });
    }
    if (view + 1 === views) break;
    const claims = [...Array(view + 1).keys()].flatMap((below) => certificatesOf(forger, all, below));
    for (const certificate of [null, unsignedCertificate(view), ...claims])
      add(forgeChangeView(forger, view + 1, certificate));
  }
  const forged = [...all].slice(sent.length);
  forger.known.set(name, forged);
  return forged;
}

function vote(
  { traitor, sign }: Forger,
  type: typeof PREPARE_REQUEST | typeof PREPARE_RESPONSE | typeof COMMIT,
  view: number,
  blockHash: Uint8Array,
) {
  const signature = sign(voteSignBytes(SCOPE, view, type, blockHash));
  return { height: HEIGHT, view, validatorIndex: traitor, blockHash, signature };
}

/** One request for each block of a view. */
function requestsIn({ messages }: MessageTable, ids: Iterable<number>, view: number): PrepareRequest[] {
  const found = new Map<string, PrepareRequest>();
  for (const id of ids) {
    const { type, body } = messages[id]!;
    if (type === "prepare-request" && body.view === view) found.set(toHex(body.blockHash), body);
  }
  return [...found.values()];
}

/** The prepared certificates of a view that the votes sent in it make. */
function certificatesOf({ table }: Forger, ids: Iterable<number>, view: number): PreparedCertificate[] {
  return requestsIn(table, ids, view).flatMap(({ blockHash, validatorIndex, signature }) => {
    const signatures = [{ validatorIndex, signature }];
    for (const id of ids) {
      const { type, body } = table.messages[id]!;
      if (type === "prepare-response" && body.view === view && toHex(body.blockHash) === toHex(blockHash))
        signatures.push({ validatorIndex: body.validatorIndex, signature: body.signature });
    }
    if (signatures.length < QUORUM) return [];
    return [{ view, blockHash, signatures: signatures.sort((a, b) => a.validatorIndex - b.validatorIndex) }];
  });
}

/** Of a block that nobody prepared. */
function unsignedCertificate(view: number): PreparedCertificate {
  const { blockHash } = openProposal(blockOf(`traitor in ${view + 1}`))!;
  const signatures = [0, 1, 2].map((validatorIndex) => ({ validatorIndex, signature: new Uint8Array(64) }));
  return { view, blockHash, signatures };
}

function forgeChangeView(
  { traitor, sign }: Forger,
  view: number,
  certificate: PreparedCertificate | null,
): Message {
  const prepared = certificate && { view: certificate.view, blockHash: certificate.blockHash };
  const signature = sign(changeViewSignBytes(SCOPE, view, prepared));
  const own = { validatorIndex: traitor, view, prepared, signature };
  return { type: "change-view", body: { height: HEIGHT, vote: own, certificate } };
}

/**
 * In view 0 two blocks. Later a new block without a reason, and for every M ChangeViews the block that they demand, or a new one with the
 * certificate or without it.
 */
function forgeRequests(forger: Forger, ids: readonly number[], view: number): Message[] {
  const { table } = forger;
  const propose = (proposal: Uint8Array, justification: PrepareRequest["justification"]): Message => {
    const { blockHash } = openProposal(proposal)!;
    const body = { ...vote(forger, PREPARE_REQUEST, view, blockHash), proposal, justification };
    return { type: "prepare-request", body };
  };
  if (view === 0) return ["one", "other"].map((label) => propose(blockOf(label), null));
  const changeViews = ids.filter((id) => {
    const { type, body } = table.messages[id]!;
    return type === "change-view" && body.vote.view === view;
  });
  const blocks = [...Array(view).keys()].flatMap((below) => requestsIn(table, ids, below));
  const fresh = blockOf(`traitor in ${view}`);
  const justified = quorumsOf(table, changeViews, QUORUM)
    .filter((set) => set.length === QUORUM)
    .flatMap((set) => {
      const bodies = set.flatMap((id) => {
        const { type, body } = table.messages[id]!;
        return type === "change-view" ? [body] : [];
      });
      bodies.sort((a, b) => a.vote.validatorIndex - b.vote.validatorIndex);
      const highest = bodies.reduce((a, b) =>
        (b.certificate?.view ?? -1) > (a.certificate?.view ?? -1) ? b : a,
      ).certificate;
      const certified = blocks.find(
        ({ blockHash }) => highest !== null && toHex(blockHash) === toHex(highest.blockHash),
      );
      const votes = bodies.map((body) => body.vote);
      const free = propose(fresh, { changeViews: votes, certificate: null });
      if (certified === undefined) return [free];
      return [
        free,
        propose(fresh, { changeViews: votes, certificate: highest }),
        propose(certified.proposal, { changeViews: votes, certificate: highest }),
      ];
    });
  return [propose(fresh, null), ...justified];
}
