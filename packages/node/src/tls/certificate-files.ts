import { type FSWatcher, watch } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Certificate, type CertificateSource, checkCertificate } from "./certificate.ts";
import { createCertificateHolder, type TlsLogger } from "./certificate-holder.ts";

export interface CertificateFiles extends CertificateSource {
  stop(): void;
}

/** Chains of real servers have a few KB. */
const FILE_BYTES_MAX = 1 << 20;
/** Certificate and key are written one after the other. */
const SETTLE_MS = 200;

/**
 * A certificate and its key in PEM files, read again when their folders change: a new pair replaces the old one, a broken
 * one is logged and the old one stays. Throws `tls.invalid` where the first pair is broken.
 */
export async function openCertificateFiles(
  certFile: string,
  keyFile: string,
  logger: TlsLogger,
): Promise<CertificateFiles> {
  const first = await readPair(certFile, keyFile);
  if (checkCertificate(first, { cert: certFile, key: keyFile }).untilMs < Date.now())
    logger.warn({ file: certFile }, "the certificate has expired: browsers and devices refuse it");
  const holder = createCertificateHolder(first);
  const reload = async (): Promise<void> => {
    try {
      const pair = await readPair(certFile, keyFile);
      const { names, untilMs } = checkCertificate(pair, { cert: certFile, key: keyFile });
      if (pair.cert === holder.current?.cert && pair.key === holder.current.key) return;
      holder.replace(pair);
      logger.info({ names, until: new Date(untilMs).toISOString() }, "the certificate was replaced");
    } catch (error) {
      logger.error(
        { file: certFile, error: (error as Error).message },
        "the new certificate cannot be used: the old one stays",
      );
    }
  };
  let timer: NodeJS.Timeout | undefined;
  const onChange = (): void => {
    clearTimeout(timer);
    timer = setTimeout(() => void reload(), SETTLE_MS);
  };
  // Folders, not files: renewals replace files and links by renaming.
  const watchers = [...new Set([dirname(certFile), dirname(keyFile)])].map((folder) =>
    watchFolder(folder, onChange, logger),
  );
  return {
    get current() {
      return holder.current;
    },
    onChange: holder.onChange,
    stop: () => {
      clearTimeout(timer);
      for (const watcher of watchers) watcher.close();
    },
  };
}

function watchFolder(folder: string, onChange: () => void, logger: TlsLogger): FSWatcher {
  const watcher = watch(folder, { persistent: false }, onChange);
  watcher.on("error", (error) =>
    logger.error(
      { folder, error: error.message },
      "the folder is no longer watched: restart after a renewal",
    ),
  );
  return watcher;
}

async function readPair(certFile: string, keyFile: string): Promise<Certificate> {
  const [cert, key] = [await readPem(certFile), await readPem(keyFile)];
  return { cert, key };
}

async function readPem(path: string): Promise<string> {
  const { size } = await stat(path);
  if (size > FILE_BYTES_MAX)
    throw new LhgError("tls.invalid", `must be at most ${FILE_BYTES_MAX} bytes`, path);
  return await readFile(path, "utf8");
}
