/** For tests: a ledger of captures alone, over a real versioned state in memory. */
import type { Address } from "../../core/account.ts";
import { deriveAddress } from "../../core/account.ts";
import { byteString, concatBytes, encodeUtf8, toHex, ZERO32 } from "../../core/bytes.ts";
import { encode } from "../../core/codec/definition.ts";
import { computeStatementId, decodeSign1, type Signer, signStatement } from "../../core/cose.ts";
import { ALG_EDDSA, type Crypto } from "../../core/crypto.ts";
import { hashLeaf } from "../../core/merkle/log.ts";
import type { AdmissionContext, StatementContext } from "../../core/module.ts";
import type { Notice } from "../../core/notice.ts";
import { DEFAULT_PARAMETERS, type Parameters } from "../../core/parameters.ts";
import { StateOverlay } from "../../core/state/overlay.ts";
import { ITEMS } from "../../core/state/partition.ts";
import { VersionedState } from "../../core/state/versioned-state.ts";
import { type Capture, capture, computeSlicesRoot } from "../../core/statement/capture.ts";
import { StatementFailure } from "../../core/status.ts";
import { splitDocument } from "../../epcis/document.ts";
import { canonicalIdentity } from "../../epcis/identity.ts";
import { ADMITTED, setPrefixHolder, setVendor } from "../identity/vendors.ts";
import { spendCredits } from "../token/token.ts";
import type { ItemsAnchor } from "./bundle-check.ts";
import {
  admitCapture,
  chargeCapture,
  checkCaptureBody,
  executeCapture,
  getNextCaptureSeq,
} from "./capture.ts";
import { buildTraceBundle, encodeTraceBundle } from "./trace-bundle.ts";
import { DEFAULT_TRACE_QUERY, type TraceQuery, type TraceResult, traceItem } from "./trace-query.ts";
import { stateTraceReader } from "./trace-reader.ts";

export const CHAIN_ID = "test-00112233";

export type Sha256 = (data: Uint8Array) => Uint8Array;

/** Signatures are hashes that anyone can make: enough to see which bytes are checked. */
export function fakeCrypto(sha256: Sha256): Crypto {
  const verify: Crypto["verify"] = ({ publicKey, message, signature }) =>
    toHex(fakeSignature(sha256, publicKey, message)) === toHex(signature);
  return {
    sha256,
    hashPairs: (pairs) => {
      const out: Uint8Array[] = [];
      for (let at = 0; at < pairs.length; at += 64) out.push(sha256(pairs.subarray(at, at + 64)));
      return concatBytes(...out);
    },
    keccak256: sha256,
    decompressSecp256k1: (key) => key,
    verify,
    verifyBatch: (checks) => checks.map(verify),
    verifyZip215: (check) => verify({ alg: ALG_EDDSA, ...check }),
  };
}

function fakeSignature(sha256: Sha256, publicKey: Uint8Array, message: Uint8Array): Uint8Array {
  const half = sha256(concatBytes(publicKey, message));
  return concatBytes(half, half);
}

export function fakeSigner(sha256: Sha256, name: string): Signer {
  const bytes = sha256(encodeUtf8(name));
  return {
    publicKey: { alg: ALG_EDDSA, bytes },
    sign: (message) => fakeSignature(sha256, bytes, message),
  };
}

export interface TestVendor {
  readonly address: Address;
  readonly signer: Signer;
}

export interface CaptureOutcome {
  readonly id: Uint8Array;
  /** "ok", or the status of the failure. */
  readonly status: string;
  readonly field: string;
  readonly notices: readonly Notice[];
  readonly touched: readonly Uint8Array[];
}

export interface CaptureChange {
  readonly signer?: Signer;
  readonly capture?: Partial<Capture>;
  readonly body?: readonly Uint8Array[] | undefined;
}

export type TestEvent = { readonly [name: string]: unknown };

const CONTEXT = ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld", { ex: "https://ex.org/" }];

/** A document around these events, as a program writes one. */
export function makeDocument(events: readonly TestEvent[]): Uint8Array {
  return encodeUtf8(
    JSON.stringify({
      "@context": CONTEXT,
      type: "EPCISDocument",
      schemaVersion: "2.0",
      creationDate: "2026-01-01T00:00:00Z",
      epcisBody: { eventList: events },
    }),
  );
}

/** Hour `hour` of the tests' time, as an event writes it. */
export function hourText(hour: number): string {
  const day = 1 + (hour - (hour % 24)) / 24;
  return `2026-01-${String(day).padStart(2, "0")}T${String(hour % 24).padStart(2, "0")}:00:00Z`;
}

/** One block per capture. */
export class TraceHarness {
  readonly crypto: Crypto;
  readonly state: VersionedState;
  parameters: Parameters = DEFAULT_PARAMETERS;
  timeMs = 1_767_225_600_000;
  private height = 0;
  private readonly store = new Map<string, Uint8Array>();
  private readonly statements = new Map<string, Uint8Array>();

  constructor(sha256: Sha256) {
    this.crypto = fakeCrypto(sha256);
    this.state = new VersionedState(this.crypto, { get: (key) => this.store.get(byteString(key)) });
  }

  makeSigner(name: string): Signer {
    return fakeSigner(this.crypto.sha256, name);
  }

  admit(name: string, prefixes: readonly string[], standing = ADMITTED): TestVendor {
    const signer = this.makeSigner(name);
    const address = deriveAddress(this.crypto, signer.publicKey);
    this.change((state) => {
      setVendor(state, address, { name, prefixes, standing, version: 1, order: 0 });
      for (const prefix of prefixes) setPrefixHolder(state, prefix, address);
      spendCredits(state, address, -1_000_000_000);
    });
    return { address, signer };
  }

  /** Changes the state in a block of its own. */
  change(work: (state: StateOverlay) => void): void {
    const overlay = new StateOverlay(this.state);
    work(overlay);
    this.commit(overlay);
  }

  private commit(overlay: StateOverlay): void {
    this.height++;
    const commit = this.state.prepareCommit(overlay, [], this.height);
    for (const { key, value } of commit.writes)
      if (value === undefined) this.store.delete(byteString(key));
      else this.store.set(byteString(key), value);
    commit.accept();
  }

  /** Captures events and expects them to be admitted; the outcome tells whether they were executed. */
  capture(vendor: TestVendor, ...events: readonly TestEvent[]): CaptureOutcome {
    return this.captureBytes(vendor, makeDocument(events));
  }

  /** Throws Inadmissible as admission does. */
  captureBytes(vendor: TestVendor, document: Uint8Array, change: CaptureChange = {}): CaptureOutcome {
    const { head, slices, tail } = splitDocument(document);
    return this.captureSlices(vendor, [head, ...slices, tail], change);
  }

  captureSlices(
    vendor: TestVendor,
    signed: readonly Uint8Array[],
    change: CaptureChange = {},
  ): CaptureOutcome {
    const payload: Capture = {
      chainId: CHAIN_ID,
      vendor: vendor.address,
      captureSeq: getNextCaptureSeq(this.state, vendor.address),
      contentType: "application/ld+json",
      slicesRoot: computeSlicesRoot(this.crypto, signed),
      sliceCount: signed.length,
      sizeBytes: signed.reduce((sum, slice) => sum + slice.length, 0),
      ...change.capture,
    };
    const cose = signStatement(change.signer ?? vendor.signer, "capture", encode(capture, payload));
    const sign1 = decodeSign1(cose);
    const body = "body" in change ? change.body : signed;
    const overlay = new StateOverlay(this.state);
    const admission: AdmissionContext = {
      hasher: this.crypto,
      state: overlay,
      chainId: CHAIN_ID,
      timeMs: this.timeMs,
      height: this.height + 1,
      parameters: this.parameters,
    };
    checkCaptureBody(this.crypto, payload, body ?? null);
    admitCapture(admission, sign1, payload, body!);
    this.timeMs += 1_000;
    const notices: Notice[] = [];
    const touched: Uint8Array[] = [];
    const context: StatementContext = {
      ...admission,
      state: overlay,
      verifier: this.crypto,
      statementId: computeStatementId(this.crypto, sign1),
      statementLeafHash: hashLeaf(this.crypto, cose),
      emit: (module, kind, ...attributes) => notices.push({ module, kind, attributes }),
      touch: (key) => touched.push(key),
    };
    chargeCapture(context, payload, body!);
    const checkpoint = overlay.checkpoint();
    let failure: StatementFailure | undefined;
    try {
      executeCapture(context, payload, sign1.key, body!);
    } catch (error) {
      if (!(error instanceof StatementFailure)) throw error;
      failure = error;
      overlay.revert(checkpoint);
    }
    this.commit(overlay);
    this.statements.set(toHex(context.statementId), cose);
    return failure === undefined
      ? { id: context.statementId, status: "ok", field: "", notices, touched }
      : { id: context.statementId, status: failure.status, field: failure.field, notices: [], touched: [] };
  }

  trace(uri: string, query: Partial<TraceQuery> = {}): TraceResult {
    const { key } = canonicalIdentity(uri, "");
    const reader = stateTraceReader(this.crypto, this.state);
    return traceItem(reader, key, { ...DEFAULT_TRACE_QUERY, ...query });
  }

  anchor(): { bytes: Uint8Array; facts: ItemsAnchor } {
    const record = this.state.getPartitionRecord(this.state, ITEMS);
    const facts = {
      chainId: CHAIN_ID,
      height: this.height,
      timeMs: this.timeMs,
      itemsMapRoot: record?.mapRoot ?? ZERO32,
      isWithinTrust: true,
    };
    return { bytes: concatBytes(encodeUtf8("anchor"), facts.itemsMapRoot), facts };
  }

  bundle(uri: string, query: Partial<TraceQuery> = {}) {
    const asked = { identity: canonicalIdentity(uri, "").key, query: { ...DEFAULT_TRACE_QUERY, ...query } };
    const anchor = this.anchor();
    const sources = {
      hasher: this.crypto,
      state: this.state,
      proveValue: (key: Uint8Array) => this.state.proveValue(ITEMS, key, this.height),
      getStatement: (id: Uint8Array) => this.statements.get(toHex(id)),
      anchor: anchor.bytes,
    };
    const { bundle, result } = buildTraceBundle(sources, asked.identity, asked.query);
    return { asked, anchor, bundle, bytes: encodeTraceBundle(bundle), result };
  }
}
