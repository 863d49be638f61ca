/** The frames between a node and its signer: `u16 length, u8 kind, fields`, big-endian. The README has them to the byte. */
import { concatBytes, encodeUtf8, equalBytes } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { SIGN_BYTES_MAX } from "./sign-guard.ts";

const WIRE_VERSION = 1;
/** With its length. */
export const FRAME_BYTES_MAX = 512;

const LENGTH_BYTES = 2;
const REASON_BYTES_MAX = 256;
const MAGIC = encodeUtf8("LHGs");
const KEY_BYTES = 32;
const SIGNATURE_BYTES = 64;

const HELLO = 1;
const SIGN = 2;
const SIGNATURE = 3;
const REFUSED = 4;

export type Frame =
  /** The signer's first word. */
  | { readonly kind: "hello"; readonly publicKey: Uint8Array }
  | { readonly kind: "sign"; readonly id: number; readonly message: Uint8Array }
  | { readonly kind: "signature"; readonly id: number; readonly signature: Uint8Array }
  | { readonly kind: "refused"; readonly id: number; readonly reason: string };

export function encodeFrame(frame: Frame): Uint8Array {
  const body = encodeBody(frame);
  return concatBytes(Uint8Array.of(body.length >> 8, body.length & 0xff), body);
}

function encodeBody(frame: Frame): Uint8Array {
  switch (frame.kind) {
    case "hello":
      return concatBytes(Uint8Array.of(HELLO), MAGIC, Uint8Array.of(WIRE_VERSION), frame.publicKey);
    case "sign":
      return concatBytes(Uint8Array.of(SIGN), encodeId(frame.id), frame.message);
    case "signature":
      return concatBytes(Uint8Array.of(SIGNATURE), encodeId(frame.id), frame.signature);
    case "refused":
      return concatBytes(Uint8Array.of(REFUSED), encodeId(frame.id), encodeReason(frame.reason));
  }
}

function encodeId(id: number): Uint8Array {
  const out = new Uint8Array(4);
  new DataView(out.buffer).setUint32(0, id);
  return out;
}

/** Printable ASCII: it goes into logs. */
function encodeReason(reason: string): Uint8Array {
  return encodeUtf8(reason.replace(/[^ -~]/g, "?").slice(0, REASON_BYTES_MAX));
}

function decodeBody(body: Uint8Array): Frame {
  const fields = body.subarray(1);
  switch (body[0]) {
    case HELLO:
      return decodeHello(fields);
    case SIGN: {
      const message = afterId(fields, 1, SIGN_BYTES_MAX);
      return { kind: "sign", id: idOf(fields), message };
    }
    case SIGNATURE: {
      const signature = afterId(fields, SIGNATURE_BYTES, SIGNATURE_BYTES);
      return { kind: "signature", id: idOf(fields), signature };
    }
    case REFUSED: {
      const reason = String.fromCharCode(...afterId(fields, 0, REASON_BYTES_MAX));
      if (/[^ -~]/.test(reason)) throw malformed("a reason must be printable ASCII");
      return { kind: "refused", id: idOf(fields), reason };
    }
    default:
      throw malformed(`no frame is of kind ${body[0]}`);
  }
}

function decodeHello(fields: Uint8Array): Frame {
  const version = fields[MAGIC.length];
  if (!equalBytes(fields.subarray(0, MAGIC.length), MAGIC) || version === undefined)
    throw malformed("this is no signer of LHG");
  if (version !== WIRE_VERSION)
    throw malformed(`the signer speaks version ${version}, this node ${WIRE_VERSION}`);
  const publicKey = fields.slice(MAGIC.length + 1);
  if (publicKey.length !== KEY_BYTES) throw malformed(`a public key has ${KEY_BYTES} bytes`);
  return { kind: "hello", publicKey };
}

const ID_BYTES = 4;

function idOf(fields: Uint8Array): number {
  return new DataView(fields.buffer, fields.byteOffset).getUint32(0);
}

/** A copy: a frame never holds on to the buffer it came from. */
function afterId(fields: Uint8Array, min: number, max: number): Uint8Array {
  const rest = fields.slice(ID_BYTES);
  if (fields.length < ID_BYTES || rest.length < min || rest.length > max)
    throw malformed("the length does not fit its kind");
  return rest;
}

function malformed(message: string): LhgError {
  return new LhgError("signer.frame", message, "frame");
}

export interface FrameReader {
  /** The frames that these bytes complete. Throws `signer.frame`; nothing can be read after that. */
  push(chunk: Uint8Array): Frame[];
  /** A frame has begun and not ended. */
  readonly isUnfinished: boolean;
}

/** Holds less than one frame between calls. */
export function createFrameReader(): FrameReader {
  let rest: Uint8Array = new Uint8Array(0);
  return {
    get isUnfinished() {
      return rest.length > 0;
    },
    push(chunk) {
      // A copy: the slice of a Buffer is a view.
      const bytes = concatBytes(rest, chunk);
      const frames: Frame[] = [];
      let at = 0;
      while (bytes.length - at >= LENGTH_BYTES) {
        const length = (bytes[at]! << 8) | bytes[at + 1]!;
        if (length === 0 || length > FRAME_BYTES_MAX - LENGTH_BYTES)
          throw malformed(`a frame has at most ${FRAME_BYTES_MAX} bytes`);
        const start = at + LENGTH_BYTES;
        if (bytes.length < start + length) break;
        frames.push(decodeBody(bytes.subarray(start, start + length)));
        at = start + length;
      }
      rest = bytes.slice(at);
      return frames;
    },
  };
}
