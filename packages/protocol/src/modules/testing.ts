/** For tests: all modules but trace over a real versioned state in memory, one block for each statement. */
import { type Address, deriveAddress } from "../core/account.ts";
import { byteString, encodeUtf8 } from "../core/bytes.ts";
import type { CborValue } from "../core/codec/cbor.ts";
import { decode, encode, type Infer } from "../core/codec/definition.ts";
import { computeStatementId, decodeSign1, type Signer, signStatement } from "../core/cose.ts";
import type { Crypto } from "../core/crypto.ts";
import { DEFAULT_INITIAL_SUPPLY, type Genesis } from "../core/genesis.ts";
import { hashLeaf } from "../core/merkle/log.ts";
import { type BlockContext, Inadmissible, type Module, type StatementContext } from "../core/module.ts";
import type { Notice } from "../core/notice.ts";
import { DEFAULT_PARAMETERS, getParameters } from "../core/parameters.ts";
import { StateOverlay } from "../core/state/overlay.ts";
import { VersionedState } from "../core/state/versioned-state.ts";
import { hashAction, signApproval } from "../core/statement/approval.ts";
import { StatementFailure } from "../core/status.ts";
import { attestation } from "./attestation/attestation.ts";
import { attestationMessages } from "./attestation/messages.ts";
import { createChain } from "./chain/chain.ts";
import { chainMessages } from "./chain/messages.ts";
import {
  admitCollection,
  chargeCollection,
  collections,
  executeCollection,
} from "./collection/collection.ts";
import { type Collection, collection, collectionMessages } from "./collection/messages.ts";
import { acknowledgeCommands, createCommand } from "./command/command.ts";
import { commandMessages } from "./command/messages.ts";
import { createGroups } from "./groups/groups.ts";
import { groupsMessages } from "./groups/messages.ts";
import { getDevice } from "./identity/devices.ts";
import { createIdentity } from "./identity/identity.ts";
import { identityMessages } from "./identity/messages.ts";
import { ADMITTED, getVendor } from "./identity/vendors.ts";
import { tokenMessages } from "./token/messages.ts";
import { token } from "./token/token.ts";
import { CHAIN_ID, fakeCrypto, fakeSigner, type Sha256 } from "./trace/testing.ts";
import { validatorsMessages } from "./validators/messages.ts";
import { requireApprovals, validators } from "./validators/validators.ts";

const messages = {
  ...tokenMessages,
  ...validatorsMessages,
  ...identityMessages,
  ...groupsMessages,
  ...collectionMessages,
  ...chainMessages,
  ...attestationMessages,
  ...commandMessages,
} as const;
type Messages = typeof messages;
export type MessageType = keyof Messages;
export type Body<T extends MessageType> = Infer<Messages[T]["codec"]>;

const MODULES = [
  createChain({ requireApprovals }),
  token,
  validators,
  createIdentity({ requireApprovals }),
  createGroups({ requireApprovals, isVendor: (state, vendor) => getVendor(state, vendor) !== undefined }),
  collections,
  attestation,
  createCommand({
    getDevice,
    isAdmitted: (state, vendor) => getVendor(state, vendor)?.standing === ADMITTED,
  }),
] as unknown as readonly Module[];

const START_MS = 1_767_225_600_000;
const DAY_MS = 86_400_000;
const BALANCE = 1_000_000_000n;

export interface TestAccount {
  readonly address: Address;
  readonly signer: Signer;
}

export interface MessageResult {
  /** "ok", the status of the failure, or the code of what was not admitted. */
  readonly status: string;
  readonly field: string;
  readonly notices: readonly Notice[];
}

export interface CollectResult extends MessageResult {
  readonly id: Uint8Array;
  /** Undefined for what was admitted. */
  readonly notYet: boolean | undefined;
}

/** Guards that every statement has a block of its own, undone but for its charge when it fails. */
export class ModuleHarness {
  readonly crypto: Crypto;
  readonly state: VersionedState;
  readonly operators: readonly TestAccount[];
  readonly vendors: readonly TestAccount[];
  readonly genesis: Genesis;
  height = 0;
  timeMs = START_MS;
  private readonly store = new Map<string, Uint8Array>();

  /** Seven validators, two vendors (prefixes 4012345 and 9506000) and room for changes of the genesis. */
  constructor(sha256: Sha256, change: (genesis: Genesis) => Genesis = (genesis) => genesis) {
    this.crypto = fakeCrypto(sha256);
    this.state = new VersionedState(this.crypto, { get: (key) => this.store.get(byteString(key)) });
    this.operators = Array.from({ length: 7 }, (_, i) => this.account(`operator ${i}`));
    this.vendors = [this.account("vendor 0"), this.account("vendor 1")];
    this.genesis = change(this.makeGenesis());
    const overlay = new StateOverlay(this.state);
    const context = { ...this.context(overlay, false), parameters: this.genesis.parameters };
    for (const module of MODULES) module.initGenesis?.(context, this.genesis);
    this.commit(overlay);
  }

  private makeGenesis(): Genesis {
    const [first, second] = this.vendors;
    return {
      name: "test",
      kind: 1,
      protocolVersion: 1,
      timeMs: START_MS,
      initialSupply: DEFAULT_INITIAL_SUPPLY,
      accounts: this.vendors.map(({ address }) => ({ address, balance: BALANCE })),
      validators: this.operators.map(({ address }, i) => ({
        operator: address,
        consensusKey: this.consensusKey(i),
        power: 1n,
      })),
      vendors: [
        {
          account: first!.address,
          name: "First",
          prefixes: ["4012345", "https://first.example/"],
          credits: 0,
        },
        { account: second!.address, name: "Second", prefixes: ["9506000"], credits: 0 },
      ],
      groups: [{ name: "all", vendors: this.vendors.map(({ address }) => address) }],
      parameters: DEFAULT_PARAMETERS,
      predecessor: null,
    };
  }

  consensusKey(index: number): Uint8Array {
    return this.crypto.sha256(encodeUtf8(`consensus key ${index}`));
  }

  account(name: string): TestAccount {
    const signer = fakeSigner(this.crypto.sha256, name);
    return { address: deriveAddress(this.crypto, signer.publicKey), signer };
  }

  private context(state: StateOverlay, isBlock = true): BlockContext {
    return {
      hasher: this.crypto,
      verifier: this.crypto,
      state,
      chainId: CHAIN_ID,
      height: this.height,
      timeMs: this.timeMs,
      parameters: isBlock ? getParameters(state) : DEFAULT_PARAMETERS,
    };
  }

  private commit(overlay: StateOverlay): void {
    const commit = this.state.prepareCommit(overlay, [], this.height);
    for (const { key, value } of commit.writes)
      if (value === undefined) this.store.delete(byteString(key));
      else this.store.set(byteString(key), value);
    commit.accept();
  }

  /** Makes a block of whatever `work` does; `timeMs` passes before it. */
  block<T>(work: (context: BlockContext, overlay: StateOverlay) => T, passMs = 1_000): T {
    this.height += 1;
    this.timeMs += passMs;
    const overlay = new StateOverlay(this.state);
    for (const module of MODULES) module.beginBlock?.(this.context(overlay));
    const result = work(this.context(overlay), overlay);
    for (const module of MODULES) module.endBlock?.(this.context(overlay));
    this.commit(overlay);
    return result;
  }

  skipBlocks(count: number): void {
    for (let i = 0; i < count; i++) this.block(() => {});
  }

  skipDays(days: number): void {
    this.block(() => {}, days * DAY_MS);
  }

  private run(
    context: BlockContext,
    overlay: StateOverlay,
    work: (full: StatementContext) => void,
  ): MessageResult {
    const notices: Notice[] = [];
    const id = this.crypto.sha256(encodeUtf8(`statement ${this.height}`));
    const full: StatementContext = {
      ...context,
      statementId: id,
      statementLeafHash: id,
      emit: (module, kind, ...attributes) => notices.push({ module, kind, attributes }),
      touch: () => {},
    };
    const checkpoint = overlay.checkpoint();
    try {
      work(full);
      return { status: "ok", field: "", notices };
    } catch (failure) {
      if (!(failure instanceof StatementFailure)) throw failure;
      overlay.revert(checkpoint);
      return { status: failure.status, field: failure.field, notices: [] };
    }
  }

  /** Executes one message of `sender` within a block. */
  execute<T extends MessageType>(
    context: BlockContext,
    overlay: StateOverlay,
    sender: TestAccount,
    type: T,
    body: Body<T>,
  ): MessageResult {
    const codec = messages[type].codec;
    const decoded = decode(codec as never, encode(codec as never, body as never, type), type);
    const handler = MODULES.map((module) => module.handlers[type]).find((found) => found !== undefined)!;
    return this.run(context, overlay, (full) => handler({ ...full, sender: sender.address }, decoded));
  }

  /** Executes one message of `sender` in a block of its own. */
  send<T extends MessageType>(sender: TestAccount, type: T, body: Body<T>): MessageResult {
    return this.block((context, overlay) => this.execute(context, overlay, sender, type, body));
  }

  /** Approvals of one action by these accounts, by default four operators of seven: just enough. */
  approve(
    action: string,
    body: CborValue,
    by: readonly TestAccount[] = this.operators.slice(0, 4),
    over: { readonly chainId?: string; readonly expiryMs?: number } = {},
  ): Uint8Array[] {
    const { chainId = CHAIN_ID, expiryMs = this.timeMs + 3_600_000 } = over;
    const actionHash = hashAction(this.crypto, chainId, action, body);
    return by.map(({ signer }) => signApproval(signer, { chainId, actionHash, expiryMs }));
  }

  /** Admits and executes a collection in a block of its own. */
  collect(
    signer: Signer,
    fields: Pick<Collection, "device" | "seq" | "prevId"> & Partial<Collection>,
  ): CollectResult {
    const readings = [{ n: "t", v: { mantissa: 1n, exponent: 0 }, t: { mantissa: 17n, exponent: 8 } }];
    const body: Collection = { chainId: CHAIN_ID, stream: 0, readings, ...fields };
    const statement = decodeSign1(signStatement(signer, "collection", encode(collection, body)));
    const id = computeStatementId(this.crypto, statement);
    return this.block((context, overlay): CollectResult => {
      try {
        admitCollection(context, statement, body, id);
      } catch (refusal) {
        if (!(refusal instanceof Inadmissible)) throw refusal;
        return { id, status: refusal.code, field: refusal.field, notices: [], notYet: refusal.notYet };
      }
      const leaf = { statementId: id, statementLeafHash: hashLeaf(this.crypto, statement.bytes) };
      const charged = { ...context, ...leaf, emit: () => {}, touch: () => {} };
      chargeCollection(charged, body, statement.bytes.length);
      const result = this.run(context, overlay, (full) => {
        const readings = executeCollection({ ...full, ...leaf }, body);
        acknowledgeCommands(
          { ...full, ...leaf },
          getDevice(overlay, body.device)!.vendor,
          body.device,
          readings,
        );
      });
      return { ...result, id, notYet: undefined };
    });
  }
}
