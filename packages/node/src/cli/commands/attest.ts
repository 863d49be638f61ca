import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Attestation } from "@lhg/sdk/client/types";
import { makeAttestation } from "@lhg/sdk/transaction/messages";
import { formatTime } from "@lhg/sdk/verify/verdict";
import type { Account } from "../accounts.ts";
import { type Chain, chooseAccount, openChain, sendMessages, type Wait } from "../chain.ts";
import { nameOfDev } from "../dev-keys.ts";
import { formatTable } from "../output.ts";
import { commandName, type Session } from "../session.ts";

interface AttestOptions {
  readonly as?: string;
  readonly note?: string;
  readonly type?: string;
  readonly look?: boolean;
  readonly wait: Wait;
}

interface HashedFile {
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
}

/** Registers the SHA-256 of a file with owner, time and note; with `look` says only who registered it before. */
export async function attestFile(session: Session, file: string, options: AttestOptions): Promise<void> {
  const chain = await openChain(session);
  const hashed = await hashFile(session, file);
  if (options.look) return tellAttestations(session, chain, file, hashed);
  const account = await chooseAccount(session, chain, options.as, (keys) => keys.vendors[0]!);
  const { digest, sizeBytes } = hashed;
  await requireUnregistered(chain, file, toHex(digest), account);
  const message = makeAttestation(digest, {
    sizeBytes,
    note: options.note ?? "",
    mediaType: options.type ?? "",
  });
  const settled = await sendMessages(chain, account, [message], options.wait);
  session.output.result(
    { ...settled, file, digest: toHex(digest), sizeBytes, owner: toHex(account.address) },
    `Registered ${basename(file)} (${sizeBytes} bytes, ${toHex(digest)}) for ${account.name} in block ${settled.height}`,
  );
  session.output.note(
    `Keep its proof: ${commandName()} receipt ${settled.id} --out ${basename(file)}.receipt`,
  );
  session.output.note(`Who registered it: ${commandName()} attest ${file} --look`);
}

/** Asked first: a registration that fails on the chain is paid all the same. */
async function requireUnregistered(
  { client }: Chain,
  file: string,
  digest: string,
  { name, address }: Account,
): Promise<void> {
  const owner = toHex(address);
  for (let cursor: string | undefined; ; ) {
    const page = await client.getAttestations(digest, cursor === undefined ? {} : { cursor });
    const found = page.items.find((item) => item.owner === owner);
    if (found !== undefined)
      throw new LhgError(
        "attestation.exists",
        `${name} registered it already in block ${found.height}, statement ${found.statementId}`,
        file,
      );
    cursor = page.next;
    if (cursor === undefined) return;
  }
}

/** In a stream: the file may be larger than memory. */
async function hashFile({ output }: Session, file: string): Promise<HashedFile> {
  const info = await stat(file);
  if (!info.isFile()) throw new LhgError("file.type", "must be a file", file);
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 })) {
    hash.update(chunk as Buffer);
    sizeBytes += (chunk as Buffer).length;
    if (info.size > 0) output.progress(`hashing ${Math.floor((100 * sizeBytes) / info.size)} %`);
  }
  output.endProgress();
  return { digest: new Uint8Array(hash.digest()), sizeBytes };
}

async function tellAttestations(
  session: Session,
  { client, devKeys }: Chain,
  file: string,
  { digest, sizeBytes }: HashedFile,
): Promise<void> {
  const found = await client.getAttestations(toHex(digest));
  const nameOf = nameOfDev(devKeys);
  const rows = found.items.map(({ owner, height, timeMs, note, statementId }: Attestation) => [
    formatTime(timeMs),
    String(height),
    nameOf(owner) ?? owner,
    note || "-",
    statementId,
  ]);
  const more = found.total - found.items.length;
  session.output.result(
    { file, sizeBytes, ...found },
    found.total === 0
      ? [`Nobody has registered ${basename(file)} (${toHex(digest)}).`]
      : [
          `${basename(file)} (${toHex(digest)}) was registered, the earliest first:`,
          ...formatTable(["TIME", "BLOCK", "OWNER", "NOTE", "STATEMENT"], rows),
          ...(more > 0 ? [`and ${more} times more`] : []),
        ],
  );
}
