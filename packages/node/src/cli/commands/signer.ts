import { readFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { toHex } from "@lhg/protocol/core/bytes";
import { ALG_EDDSA } from "@lhg/protocol/core/crypto";
import { LhgError } from "@lhg/protocol/core/errors";
import { holdFile } from "@lhg/sdk/device/file-lock";
import { createLocalSigner } from "../../crypto/sodium.ts";
import { createFileBytes, createSlotFile, openSlotFile } from "../../signer/guard-slots.ts";
import { openSignGuard, type SignerLog, type SignGuard } from "../../signer/sign-guard.ts";
import { parseSignerAddress, type SignerTls } from "../../signer/signer-address.ts";
import { startSignerServer } from "../../signer/signer-server.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { openKey, readStoredKey } from "../key-folder.ts";
import type { Session } from "../session.ts";
import { askPassphrase, keyFolderOf } from "../signing.ts";
import { waitForEnd } from "../wait-for-end.ts";

interface SignerOptions {
  readonly key: string;
  readonly listen: string;
  readonly state?: string;
  readonly newState?: boolean;
  readonly chain?: string;
  readonly groupAccess?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsPeer?: string;
}

interface KeyPlace {
  readonly folder: string;
  readonly name: string;
}

/** Runs until a signal ends it, or until what was signed can't be remembered any more. */
export async function runSigner(session: Session, options: SignerOptions): Promise<ExitCode> {
  parseSignerAddress(options.listen);
  const tls = await readTlsFiles(options);
  const place = placeKey(keyFolderOf(session.options), options.key);
  const statePath = resolve(options.state ?? join(place.folder, `${place.name}.signed`));
  const log = createLog(session);
  const guard = await openGuard(session, place, statePath, options, log);
  const end = waitForEnd();
  guard.failed.catch(end.fail);
  try {
    const server = await startSignerServer({
      guard,
      address: options.listen,
      tls,
      isOpenToGroup: options.groupAccess ?? false,
      log,
    });
    try {
      const publicKey = toHex(guard.publicKey);
      session.output.result(
        { address: server.address, publicKey, state: statePath, chain: options.chain ?? null },
        [
          `Signing with ${place.name} (${publicKey}) on ${server.address}; Ctrl-C ends it.`,
          `What it signed stands in ${statePath}: it goes where the key goes, and no second signer runs with either.`,
        ],
      );
      await end.ended;
      return EXIT.ok;
    } finally {
      await server.stop();
    }
  } finally {
    await guard.close();
  }
}

/** A path, or a name in the keystore. */
function placeKey(keystore: string, key: string): KeyPlace {
  if (!key.includes("/") && !key.endsWith(".json")) return { folder: keystore, name: key };
  return { folder: dirname(key), name: basename(key, ".json") };
}

async function openGuard(
  session: Session,
  { folder, name }: KeyPlace,
  statePath: string,
  { newState, chain }: SignerOptions,
  log: SignerLog,
): Promise<SignGuard> {
  const { key } = await readStoredKey(folder, name);
  if (key.alg !== ALG_EDDSA) throw new LhgError("signer.key-algorithm", "must be EdDSA (Ed25519)", name);
  holdState(statePath);
  // Whether there is a memory is known before anybody types; a new one is made once the passphrase was right.
  let file = newState === true ? undefined : await openSlotFile(statePath);
  try {
    const askForIt = (): Promise<string> => askPassphrase(session, `passphrase of ${name}`);
    const signer = createLocalSigner(await openKey(folder, name, askForIt));
    if (file === undefined) {
      await createSlotFile(statePath, createFileBytes(key.bytes));
      file = await openSlotFile(statePath);
    }
    return await openSignGuard({ signer, file, chainId: chain, log });
  } catch (error) {
    await file?.close();
    throw error;
  }
}

function holdState(path: string): void {
  try {
    holdFile(path);
  } catch (error) {
    if (!(error instanceof LhgError) || error.code !== "device.in-use") throw error;
    throw new LhgError("signer.in-use", "another signer has it open: two could sign twice", path);
  }
}

async function readTlsFiles({
  listen,
  tlsCert,
  tlsKey,
  tlsPeer,
}: SignerOptions): Promise<SignerTls | undefined> {
  const isTcp = parseSignerAddress(listen).kind === "tcp";
  const files = [tlsCert, tlsKey, tlsPeer];
  if (!isTcp && files.every((file) => file === undefined)) return undefined;
  if (!isTcp)
    throw new LhgError("usage.tls", "is for tcp: only; the mode of a Unix socket protects it", "--tls-cert");
  if (tlsCert === undefined || tlsKey === undefined || tlsPeer === undefined)
    throw new LhgError("usage.tls", "TCP needs --tls-cert, --tls-key and --tls-peer", "--listen");
  const [certificate, key, peerCertificate] = await Promise.all([
    readFile(tlsCert, "utf8"),
    readFile(tlsKey, "utf8"),
    readFile(tlsPeer, "utf8"),
  ]);
  return { certificate, key, peerCertificate };
}

/** A line for people: refusals with height, view and type. */
function createLog({ output }: Session): SignerLog {
  return (level, fields, message) => {
    const told = Object.entries(fields).map(([name, value]) => `${name} ${value}`);
    const line = told.length === 0 ? message : `${message}: ${told.join(", ")}`;
    if (level === "warn") output.warn(line);
    if (level === "info") output.note(line);
  };
}
