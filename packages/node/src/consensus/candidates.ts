/** The proposals of one height on their way through the application: opened, judged, executed while their votes travel. */
import { byteString, equalBytes } from "@lhg/protocol/core/bytes";
import type { Crypto } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import type { BlockToExecute, ChainTip, StatementInput } from "../application/port.ts";
import { checkLastCertificate, parentOf } from "../blocks/last-certificate.ts";
import { matchesBase, type OpenedProposal, openProposal } from "../blocks/proposal.ts";
import type { Application, StatementSource } from "./engine.ts";

/** A proposal of this height with the statements it names. */
export interface Candidate {
  readonly proposal: OpenedProposal;
  readonly block: BlockToExecute;
  /** False when its evidence does not hold; any other failure is fatal. */
  readonly executed: Promise<boolean>;
}

export type Judgement =
  | { readonly verdict: "valid"; readonly candidate: Candidate }
  | { readonly verdict: "bad"; readonly reason: string }
  | { readonly verdict: "missing"; readonly leafHashes: readonly Uint8Array[] };

export interface CandidatesParts {
  readonly crypto: Crypto;
  readonly application: Application;
  readonly source: StatementSource;
  readonly onFatal: (error: unknown) => void;
}

/** A view has one proposal that counts; more than this many views a height are not waited out in memory. */
const CANDIDATES_MAX = 32;

export class Candidates {
  private readonly parts: CandidatesParts;
  private readonly byHash = new Map<string, Candidate>();
  private readonly opened = new WeakMap<Uint8Array, OpenedProposal>();

  constructor(parts: CandidatesParts) {
    this.parts = parts;
  }

  /** Proposals reach all validators of a process in one buffer: each is opened once. */
  open(encoded: Uint8Array): OpenedProposal | undefined {
    const known = this.opened.get(encoded);
    if (known !== undefined) return known;
    const proposal = openProposal(this.parts.crypto, encoded);
    if (proposal !== undefined) this.opened.set(encoded, proposal);
    return proposal;
  }

  find(blockHash: Uint8Array): Candidate | undefined {
    return this.byHash.get(byteString(blockHash));
  }

  /** Another height begins. */
  clear(): void {
    this.byHash.clear();
    this.parts.source.pin([]);
  }

  /** Judges a proposal on the tip; a valid one begins to be executed. */
  judge(encoded: Uint8Array, tip: ChainTip): Judgement {
    const proposal = this.open(encoded);
    if (proposal === undefined) return { verdict: "bad", reason: "proposal.format" };
    const known = this.find(proposal.blockHash);
    if (known !== undefined) return { verdict: "valid", candidate: known };
    const reason = this.findFault(proposal, tip);
    if (reason !== undefined) return { verdict: "bad", reason };
    const statements: StatementInput[] = [];
    const missing: Uint8Array[] = [];
    for (const leafHash of proposal.statements) {
      const found = this.parts.source.find(leafHash);
      if (found === undefined) missing.push(leafHash);
      else statements.push(found);
    }
    if (missing.length > 0) return { verdict: "missing", leafHashes: missing };
    if (sumBytes(statements) > tip.limits.blockSizeBytesMax)
      return { verdict: "bad", reason: "proposal.size" };
    return { verdict: "valid", candidate: this.adopt(proposal, statements) };
  }

  /** What is wrong with a proposal whatever its statements say. */
  private findFault(proposal: OpenedProposal, tip: ChainTip): string | undefined {
    const { header, statements, lastCertificate } = proposal;
    if (!matchesBase(header, tip.base)) return "proposal.header";
    if (statements.length > tip.limits.blockStatementsMax) return "proposal.statements";
    if (new Set(statements.map(byteString)).size !== statements.length) return "proposal.duplicate";
    if (!tip.validators.some((entry) => equalBytes(entry.operator, header.proposer)))
      return "proposal.proposer";
    try {
      checkLastCertificate(this.parts.crypto, parentOf(tip), lastCertificate);
      return undefined;
    } catch (error) {
      if (error instanceof LhgError) return error.code;
      throw error;
    }
  }

  /** A block with all its statements begins to be executed. */
  adopt(proposal: OpenedProposal, statements: readonly StatementInput[]): Candidate {
    const { header, lastCertificate, evidence } = proposal;
    const block: BlockToExecute = { header, statements, lastCertificate, evidence };
    const executed = this.parts.application.execute(block).then(
      () => true,
      (error) => {
        if (!(error instanceof LhgError) || evidence.length === 0) this.parts.onFatal(error);
        return false;
      },
    );
    const candidate: Candidate = { proposal, block, executed };
    this.byHash.set(byteString(proposal.blockHash), candidate);
    if (this.byHash.size > CANDIDATES_MAX) this.byHash.delete(this.byHash.keys().next().value!);
    this.parts.source.pin([...this.byHash.values()].flatMap((entry) => entry.proposal.statements));
    return candidate;
  }
}

function sumBytes(statements: readonly StatementInput[]): number {
  return statements.reduce((sum, entry) => sum + entry.bytes.length, 0);
}
