/** The bytes of a proof, from whatever way it came: file, text, address. */
import { fromHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";

const PROOF_BYTES_MAX = 64 << 20;
const FETCH_TIMEOUT_MS = 60_000;
/** CBOR arrays of 5, 7 or 8 elements: what a proof of any kind begins with. */
const PROOF_STARTS: ReadonlySet<number | undefined> = new Set([0x85, 0x87, 0x88]);

/** Throws `proof.size`, or as readProofText where the file holds text. */
export async function readProofFile(file: Blob): Promise<Uint8Array> {
  if (file.size > PROOF_BYTES_MAX) throw tooLarge();
  const bytes = new Uint8Array(await file.arrayBuffer());
  if (PROOF_STARTS.has(bytes[0]) || !isAscii(bytes)) return bytes;
  return readProofText(new TextDecoder().decode(bytes));
}

/** Hexadecimal, base64 or base64url, or the JSON in which a node answers a proof. Throws `proof.text`. */
export function readProofText(text: string): Uint8Array {
  const packed = unwrapJson(text).replaceAll(/\s+/g, "").replace(/^0x/i, "");
  if (packed.length > 2 * PROOF_BYTES_MAX) throw tooLarge();
  if (packed !== "" && packed.length % 2 === 0 && /^[0-9a-fA-F]+$/.test(packed)) return fromHex(packed);
  if (/^[A-Za-z0-9+/_-]+={0,2}$/.test(packed)) return fromBase64(packed);
  throw new LhgError("proof.text", "is neither hexadecimal nor base64", "proof");
}

function unwrapJson(text: string): string {
  if (!/^\s*\{/.test(text)) return text;
  try {
    const { bytes, proof } = JSON.parse(text) as { bytes?: unknown; proof?: { bytes?: unknown } };
    const found = bytes ?? proof?.bytes;
    return typeof found === "string" ? found : text;
  } catch {
    return text;
  }
}

function fromBase64(text: string): Uint8Array {
  const standard = text.replaceAll("-", "+").replaceAll("_", "/").replace(/=+$/, "");
  if (standard.length % 4 === 1) throw new LhgError("proof.text", "is cut", "proof");
  return Uint8Array.from(atob(standard), (character) => character.charCodeAt(0));
}

/** Throws `proof.url`, `proof.fetch` where nothing may be read from there, `proof.answer`, `proof.size`. */
export async function fetchProof(address: string): Promise<Uint8Array> {
  if (!URL.canParse(address) || !/^https?:$/.test(new URL(address).protocol))
    throw new LhgError("proof.url", "must begin with http:// or https://", "address");
  let response: Response;
  try {
    response = await fetch(address, {
      headers: { accept: "application/cbor" },
      credentials: "omit",
      referrerPolicy: "no-referrer",
      signal: AbortSignal.timeout(FETCH_TIMEOUT_MS),
    });
  } catch {
    throw new LhgError(
      "proof.fetch",
      "can't be read from here: the server does not answer, or does not let other pages read it. Download the proof and drop the file here.",
      "address",
    );
  }
  if (!response.ok)
    throw new LhgError("proof.answer", `the server answered with HTTP ${response.status}`, "address");
  return readProofFile(new Blob(await readBounded(response)));
}

async function readBounded(response: Response): Promise<BlobPart[]> {
  const parts: BlobPart[] = [];
  let sizeBytes = 0;
  const reader = response.body!.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return parts;
    sizeBytes += value.length;
    if (sizeBytes > PROOF_BYTES_MAX) {
      await reader.cancel();
      throw tooLarge();
    }
    parts.push(value);
  }
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.subarray(0, 64).every((byte) => byte < 0x80);
}

function tooLarge(): LhgError {
  return new LhgError("proof.size", `is larger than ${PROOF_BYTES_MAX >> 20} MiB`, "proof");
}
