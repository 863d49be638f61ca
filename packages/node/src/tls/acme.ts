import { generateKeyPairSync } from "node:crypto";
import { mkdir, open, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Certificate, type CertificateSource, checkCertificate, isRenewalDue } from "./certificate.ts";
import { createCertificateHolder, type TlsLogger } from "./certificate-holder.ts";

export interface AcmeOptions {
  readonly domain: string;
  readonly email: string | undefined;
  readonly directoryUrl: string;
  /** Keeps account key and certificates, mode 0600. */
  readonly folder: string;
  /** Where answers to challenges are put for the plain HTTP port. */
  readonly challenges: Map<string, string>;
  readonly logger: TlsLogger;
}

/** What the worker is given. */
export interface AcmeOrder {
  readonly domain: string;
  readonly email: string | undefined;
  readonly directoryUrl: string;
  readonly accountKey: string;
}

export type AcmeReport =
  /** Goes on when any message comes back. */
  | { readonly type: "challenge"; readonly token: string; readonly keyAuthorization: string }
  | { readonly type: "done"; readonly token: string }
  | { readonly type: "certificate"; readonly cert: string; readonly key: string };

export interface AcmeSource extends CertificateSource {
  /** Orders a certificate if one is due, now and every day. */
  start(): void;
  stop(): Promise<void>;
}

const DAY_MS = 86_400_000;
const BACK_OFF_FIRST_MS = 5 * 60_000;
const BACK_OFF_MAX_MS = 12 * 3_600_000;

/**
 * A certificate of an ACME server (RFC 8555) by HTTP-01. Failures are logged and tried again after 5 minutes, then after twice
 * as long each time, up to 12 hours; the node goes on with the certificate it has, or without one.
 */
export async function openAcme(options: AcmeOptions): Promise<AcmeSource> {
  const { domain, directoryUrl, logger } = options;
  const folder = join(options.folder, new URL(directoryUrl).host.replaceAll(":", "-"));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const file = join(folder, `${domain}.pem`);
  const holder = createCertificateHolder(await readStored(file, logger));
  let timer: NodeJS.Timeout | undefined;
  let worker: Worker | undefined;
  let isStopped = false;
  let failures = 0;

  const schedule = (afterMs: number): void => {
    if (isStopped) return;
    timer = setTimeout(() => void renew(), afterMs);
    timer.unref();
  };
  const renew = async (): Promise<void> => {
    if (holder.current !== undefined && !isRenewalDue(checkCertificate(holder.current), Date.now())) {
      schedule(DAY_MS);
      return;
    }
    try {
      const accountKey = await loadAccountKey(join(folder, "account.key"));
      if (isStopped) return;
      const { email, challenges } = options;
      worker = new Worker(new URL("./acme-worker.ts", import.meta.url), {
        name: "lhg-acme",
        workerData: { domain, email, directoryUrl, accountKey } satisfies AcmeOrder,
      });
      const certificate = await follow(worker, challenges);
      const { untilMs } = checkCertificate(certificate);
      await writePrivate(file, `${certificate.key.trim()}\n${certificate.cert.trim()}\n`);
      holder.replace(certificate);
      failures = 0;
      logger.info({ domain, until: new Date(untilMs).toISOString() }, "a certificate was issued");
      schedule(DAY_MS);
    } catch (error) {
      if (isStopped) return;
      const retryMs = Math.min(BACK_OFF_MAX_MS, BACK_OFF_FIRST_MS * 2 ** failures);
      failures += 1;
      logger.error(
        { domain, error: (error as Error).message, retryMinutes: retryMs / 60_000 },
        "no certificate was issued",
      );
      schedule(retryMs);
    }
  };
  return {
    get current() {
      return holder.current;
    },
    onChange: holder.onChange,
    start: () => void renew(),
    stop: async () => {
      isStopped = true;
      clearTimeout(timer);
      await worker?.terminate();
    },
  };
}

/** Serves the challenges of one order until its certificate is there. Rejects as the worker fails. */
async function follow(worker: Worker, challenges: Map<string, string>): Promise<Certificate> {
  const tokens = new Set<string>();
  try {
    return await new Promise<Certificate>((resolve, reject) => {
      worker.on("message", (message: AcmeReport) => {
        if (message.type === "certificate") resolve({ cert: message.cert, key: message.key });
        else if (message.type === "done") challenges.delete(message.token);
        else {
          challenges.set(message.token, message.keyAuthorization);
          tokens.add(message.token);
          worker.postMessage("served");
        }
      });
      worker.once("error", reject);
      worker.once("exit", (code) => reject(new LhgError("acme.ended", `the order ended with ${code}`)));
    });
  } finally {
    for (const token of tokens) challenges.delete(token);
    await worker.terminate();
  }
}

/** Key and chain in one file, so that they never differ. */
async function readStored(file: string, logger: TlsLogger): Promise<Certificate | undefined> {
  const text = await readText(file);
  if (text === undefined) return undefined;
  const begin = text.indexOf("-----BEGIN CERTIFICATE-----");
  const certificate = { key: text.slice(0, Math.max(0, begin)), cert: text.slice(Math.max(0, begin)) };
  try {
    checkCertificate(certificate);
    return certificate;
  } catch (error) {
    logger.warn({ file, error: (error as Error).message }, "the stored certificate is ordered again");
    return undefined;
  }
}

async function loadAccountKey(file: string): Promise<string> {
  const stored = await readText(file);
  if (stored !== undefined) return stored;
  const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const made = privateKey.export({ type: "pkcs8", format: "pem" }) as string;
  await writePrivate(file, made);
  return made;
}

async function readText(file: string): Promise<string | undefined> {
  return await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
}

/** Readable by its owner alone; never half written. */
async function writePrivate(file: string, text: string): Promise<void> {
  const handle = await open(`${file}.new`, "w", 0o600);
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(`${file}.new`, file);
}
