import { X509Certificate } from "node:crypto";
import { createSecureContext } from "node:tls";
import { LhgError } from "@lhg/protocol/core/errors";

/** What a TLS server shows and proves with, in PEM. */
export interface Certificate {
  /** The server's certificate, then those between it and the root. */
  readonly cert: string;
  readonly key: string;
}

export interface CertificateInfo {
  /** DNS names and addresses, as X.509 lists them: `DNS:node.example, IP Address:192.0.2.1`. */
  readonly names: string;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Where a server gets its certificate from, now and after a renewal. */
export interface CertificateSource {
  /** Undefined while none was issued yet: TLS connections fail until then. */
  readonly current: Certificate | undefined;
  /** Hears of each certificate that replaces the current one. */
  onChange(listener: (certificate: Certificate) => void): void;
}

export const TLS_MIN_VERSION = "TLSv1.2";

const PARTS: Certificate = { cert: "certificate", key: "key" };

/** Throws `tls.invalid` with the part that is wrong, by the names that are given: those of files, for instance. */
export function checkCertificate({ cert, key }: Certificate, parts = PARTS): CertificateInfo {
  const { subjectAltName, validFromDate, validToDate } = readPart(
    parts.cert,
    () => new X509Certificate(cert),
  );
  readPart(parts.key, () => createSecureContext({ key }));
  // Compares the two as well.
  readPart(parts.key, () => createSecureContext({ cert, key, minVersion: TLS_MIN_VERSION }));
  return { names: subjectAltName ?? "", fromMs: validFromDate.getTime(), untilMs: validToDate.getTime() };
}

function readPart<T>(part: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    // OpenSSL's words tell what it met, and nothing of a key.
    throw new LhgError("tls.invalid", `cannot be used: ${(error as Error).message}`, part);
  }
}

const DAY_MS = 86_400_000;
const RENEWAL_DAYS = 30;

/** 30 days before the end; of short-lived certificates, when a third of the time is left. */
export function isRenewalDue({ fromMs, untilMs }: CertificateInfo, nowMs: number): boolean {
  return nowMs >= untilMs - Math.min(RENEWAL_DAYS * DAY_MS, (untilMs - fromMs) / 3);
}
