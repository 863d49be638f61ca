/** The application as ABCI sees it, and the messages between it and the engine. */
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { LhgError } from "@lhg/protocol/core/errors";
import { encodeFrame } from "./framing.ts";
import {
  type Request,
  type RequestApplySnapshotChunk,
  type RequestCheckTx,
  type RequestCommit,
  type RequestExtendVote,
  type RequestFinalizeBlock,
  type RequestInfo,
  type RequestInitChain,
  type RequestListSnapshots,
  type RequestLoadSnapshotChunk,
  type RequestOfferSnapshot,
  type RequestPrepareProposal,
  type RequestProcessProposal,
  type RequestQuery,
  RequestSchema,
  type RequestVerifyVoteExtension,
  type ResponseApplySnapshotChunkSchema,
  type ResponseCheckTxSchema,
  type ResponseCommitSchema,
  type ResponseExtendVoteSchema,
  type ResponseFinalizeBlockSchema,
  type ResponseInfoSchema,
  type ResponseInitChainSchema,
  type ResponseListSnapshotsSchema,
  type ResponseLoadSnapshotChunkSchema,
  type ResponseOfferSnapshotSchema,
  type ResponsePrepareProposalSchema,
  type ResponseProcessProposalSchema,
  type ResponseQuerySchema,
  ResponseSchema,
  type ResponseVerifyVoteExtensionSchema,
} from "./generated/abci_pb.ts";

/**
 * What `startAbciServer` asks. Bytes in requests are views of what the socket gave: who keeps them for longer than the call copies them, or a transaction
 * of 200 bytes holds on to 64 KiB. Every rejection ends the engine, so bad transactions and questions are answered with a code.
 *
 * `query` and `checkTx` run beside everything else, but `checkTx` never beside `commit`; all others run one at a time. `checkTx` must not wait for any of
 * those: `commit` waits for it.
 */
export interface AbciHandler {
  info(request: RequestInfo): Promise<MessageInitShape<typeof ResponseInfoSchema>>;
  query(request: RequestQuery): Promise<MessageInitShape<typeof ResponseQuerySchema>>;
  checkTx(request: RequestCheckTx): Promise<MessageInitShape<typeof ResponseCheckTxSchema>>;
  initChain(request: RequestInitChain): Promise<MessageInitShape<typeof ResponseInitChainSchema>>;
  prepareProposal(
    request: RequestPrepareProposal,
  ): Promise<MessageInitShape<typeof ResponsePrepareProposalSchema>>;
  processProposal(
    request: RequestProcessProposal,
  ): Promise<MessageInitShape<typeof ResponseProcessProposalSchema>>;
  finalizeBlock(request: RequestFinalizeBlock): Promise<MessageInitShape<typeof ResponseFinalizeBlockSchema>>;
  commit(request: RequestCommit): Promise<MessageInitShape<typeof ResponseCommitSchema>>;
  extendVote(request: RequestExtendVote): Promise<MessageInitShape<typeof ResponseExtendVoteSchema>>;
  verifyVoteExtension(
    request: RequestVerifyVoteExtension,
  ): Promise<MessageInitShape<typeof ResponseVerifyVoteExtensionSchema>>;
  listSnapshots(request: RequestListSnapshots): Promise<MessageInitShape<typeof ResponseListSnapshotsSchema>>;
  offerSnapshot(request: RequestOfferSnapshot): Promise<MessageInitShape<typeof ResponseOfferSnapshotSchema>>;
  loadSnapshotChunk(
    request: RequestLoadSnapshotChunk,
  ): Promise<MessageInitShape<typeof ResponseLoadSnapshotChunkSchema>>;
  applySnapshotChunk(
    request: RequestApplySnapshotChunk,
  ): Promise<MessageInitShape<typeof ResponseApplySnapshotChunkSchema>>;
}

/** Which request it is, with its body. */
export type RequestValue = Exclude<Request["value"], { readonly case: undefined }>;
/** What the application is asked; the connection answers the others itself. */
export type AppRequest = Exclude<RequestValue, { readonly case: "echo" | "flush" }>;
type ResponseValue = Exclude<MessageInitShape<typeof ResponseSchema>["value"], undefined>;

/** Fields that are not known are passed over, as Protocol Buffers want it. Throws `abci.message`. */
export function decodeRequest(message: Uint8Array): RequestValue {
  let value: Request["value"];
  try {
    ({ value } = fromBinary(RequestSchema, message, { readUnknownFields: false }));
  } catch (error) {
    throw new LhgError("abci.message", `is no ABCI request: ${(error as Error).message}`, "request");
  }
  if (value.case === undefined)
    throw new LhgError("abci.message", "is none of the requests of ABCI 2.0", "request");
  return value;
}

/** With its length, ready for the socket. */
export function encodeResponse(value: ResponseValue): Uint8Array {
  return encodeFrame(toBinary(ResponseSchema, create(ResponseSchema, { value })));
}

/** Asks the application. Throws what it throws, and `abci.unsupported` for what only a mempool of type "app" sends. */
export async function answerRequest(handler: AbciHandler, request: AppRequest): Promise<Uint8Array> {
  return encodeResponse(await ask(handler, request));
}

async function ask(handler: AbciHandler, request: AppRequest): Promise<ResponseValue> {
  switch (request.case) {
    case "info":
      return { case: "info", value: await handler.info(request.value) };
    case "query":
      return { case: "query", value: await handler.query(request.value) };
    case "checkTx":
      return { case: "checkTx", value: await handler.checkTx(request.value) };
    case "initChain":
      return { case: "initChain", value: await handler.initChain(request.value) };
    case "prepareProposal":
      return { case: "prepareProposal", value: await handler.prepareProposal(request.value) };
    case "processProposal":
      return { case: "processProposal", value: await handler.processProposal(request.value) };
    case "finalizeBlock":
      return { case: "finalizeBlock", value: await handler.finalizeBlock(request.value) };
    case "commit":
      return { case: "commit", value: await handler.commit(request.value) };
    case "extendVote":
      return { case: "extendVote", value: await handler.extendVote(request.value) };
    case "verifyVoteExtension":
      return { case: "verifyVoteExtension", value: await handler.verifyVoteExtension(request.value) };
    case "listSnapshots":
      return { case: "listSnapshots", value: await handler.listSnapshots(request.value) };
    case "offerSnapshot":
      return { case: "offerSnapshot", value: await handler.offerSnapshot(request.value) };
    case "loadSnapshotChunk":
      return { case: "loadSnapshotChunk", value: await handler.loadSnapshotChunk(request.value) };
    case "applySnapshotChunk":
      return { case: "applySnapshotChunk", value: await handler.applySnapshotChunk(request.value) };
    case "insertTx":
    case "reapTxs":
      throw new LhgError(
        "abci.unsupported",
        `${request.case} is not served: the engine's mempool must be of type "flood"`,
        "request",
      );
  }
}
