/** Who signs for a node: the key file of its settings, a signer elsewhere, or nobody. */
import { readFile } from "node:fs/promises";
import type { NodeConfig } from "../../config.ts";
import { createLocalSigner } from "../../crypto/sodium.ts";
import type { ConsensusSigner } from "../../signer/consensus-signer.ts";
import { connectRemoteSigner } from "../../signer/remote-signer.ts";
import type { SignerLog } from "../../signer/sign-guard.ts";
import { openKeyFile } from "../key-file.ts";
import { readConsensusKeyFile } from "./open-home.ts";

export interface OpenedSigner {
  readonly signer: ConsensusSigner;
  readonly isRemote: boolean;
  close(): Promise<void>;
}

/** Undefined for a node that does not vote. Throws `home.*`, `keystore.*`, and `signer.*` where the signer elsewhere can't be asked. */
export async function openSigner(
  config: NodeConfig,
  askPassphrase: () => Promise<string>,
  log: SignerLog,
): Promise<OpenedSigner | undefined> {
  const { consensusKeyFile, remoteSigner } = config;
  if (consensusKeyFile !== undefined) {
    const key = await openKeyFile(await readConsensusKeyFile(consensusKeyFile), askPassphrase);
    return { signer: createLocalSigner(key), isRemote: false, close: async () => {} };
  }
  return remoteSigner === undefined ? undefined : openRemoteSigner(config, remoteSigner, log);
}

async function openRemoteSigner(
  { remoteSignerCertificateFile, remoteSignerKeyFile, remoteSignerPeerFile, baseTimeoutMs }: NodeConfig,
  address: string,
  log: SignerLog,
): Promise<OpenedSigner> {
  const [certificate, key, peerCertificate] = await Promise.all(
    [remoteSignerCertificateFile, remoteSignerKeyFile, remoteSignerPeerFile].map(
      (path) => path && readFile(path, "utf8"),
    ),
  );
  const tls = certificate && key && peerCertificate ? { certificate, key, peerCertificate } : undefined;
  // As long as a view of a height lasts at least: later most votes are worth nothing, and until then the core waits.
  const signer = await connectRemoteSigner({ address, tls, timeoutMs: 2 * baseTimeoutMs, log });
  return { signer, isRemote: true, close: () => signer.close() };
}
