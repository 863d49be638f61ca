import type { Address } from "./account.ts";
import type { Codec, Infer } from "./codec/definition.ts";
import type { Hasher, Verifier } from "./crypto.ts";
import { LhgError } from "./errors.ts";
import type { Genesis } from "./genesis.ts";
import type { NoticeAttribute } from "./notice.ts";
import type { Parameters } from "./parameters.ts";
import type { StateAccess, StateReader } from "./state/overlay.ts";

/** What execution of a block offers to every module. */
export interface BlockContext {
  readonly hasher: Hasher;
  readonly verifier: Verifier;
  readonly state: StateAccess;
  readonly chainId: string;
  readonly height: number;
  /** Header time of the block, milliseconds since 1970. */
  readonly timeMs: number;
  readonly parameters: Parameters;
}

/** What execution of one statement adds. */
export interface StatementContext extends BlockContext {
  readonly statementId: Uint8Array;
  readonly statementLeafHash: Uint8Array;
  emit(module: number, kind: number, ...attributes: readonly NoticeAttribute[]): void;
  /** Records that the statement wrote to the log of this item. */
  touch(itemKey: Uint8Array): void;
}

export interface MessageContext extends StatementContext {
  readonly sender: Address;
}

/** A message of a module: its never-reused number, body and the gas beyond the flat price of a message. */
export interface MessageDefinition<B> {
  readonly tag: readonly [module: number, message: number];
  readonly codec: Codec<B>;
  readonly approvalsOf?: (body: B) => number;
}
// biome-ignore lint/suspicious/noExplicitAny: bodies differ by message; handlers are typed by MessageHandlers
export type MessageDefinitions = { readonly [type: string]: MessageDefinition<any> };

export type MessageHandlers<M extends MessageDefinitions> = {
  readonly [K in keyof M]: (context: MessageContext, body: Infer<M[K]["codec"]>) => void;
};

/** A native module: state, messages and hooks. Its README is its specification. */
export interface Module<M extends MessageDefinitions = MessageDefinitions> {
  readonly name: string;
  readonly id: number;
  readonly handlers: MessageHandlers<M>;
  readonly initGenesis?: (context: BlockContext, genesis: Genesis) => void;
  /** Runs once before the statements of every working block. */
  readonly beginBlock?: (context: BlockContext) => void;
  /** Runs once after the statements of every working block. */
  readonly endBlock?: (context: BlockContext) => void;
}

/** Where a statement is judged before execution: against the state just before it. */
export interface AdmissionContext {
  readonly hasher: Hasher;
  readonly state: StateReader;
  readonly chainId: string;
  readonly timeMs: number;
  readonly height: number;
  readonly parameters: Parameters;
}

/** Why a statement may not enter now. `notYet` may enter later; the other never will. */
export class Inadmissible extends LhgError {
  readonly notYet: boolean;

  constructor(code: string, message: string, field: string, notYet = false) {
    super(code, message, field);
    this.notYet = notYet;
  }
}

/** Under load every second statement may be too early: capturing a stack for each cost 10 us (measured). */
function throwWithoutStack(make: () => Inadmissible): never {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    throw make();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

export function refuse(code: string, message: string, field: string): never {
  return throwWithoutStack(() => new Inadmissible(code, message, field));
}

export function postpone(code: string, message: string, field: string): never {
  return throwWithoutStack(() => new Inadmissible(code, message, field, true));
}
