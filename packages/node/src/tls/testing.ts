/** For tests: certificates that openssl makes, and a client that says which one it was shown. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { checkServerIdentity as checkIdentity, type PeerCertificate, type TLSSocket } from "node:tls";
import type { Certificate } from "./certificate.ts";
import type { TlsLogger } from "./certificate-holder.ts";

export const WITHOUT_OPENSSL =
  spawnSync("openssl", ["version"]).status === 0 ? false : "openssl is not installed";

export interface MadeCertificate extends Certificate {
  readonly certFile: string;
  readonly keyFile: string;
}

/** Signed by itself, for localhost and 127.0.0.1. */
export function makeCertificate(folder: string, name: string): MadeCertificate {
  const [certFile, keyFile] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const subject = ["-subj", `/CN=${name}`, "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"];
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", keyFile];
  execFileSync("openssl", ["req", "-x509", ...key, "-out", certFile, "-days", "90", ...subject], {
    stdio: "ignore",
  });
  return { certFile, keyFile, cert: readFileSync(certFile, "utf8"), key: readFileSync(keyFile, "utf8") };
}

/** The same names under another key, ended as soon as it began. */
export function makeExpiredCertificate(folder: string, name: string): Certificate {
  const { keyFile, certFile, key } = makeCertificate(folder, name);
  const renew = ["x509", "-in", certFile, "-signkey", keyFile, "-days", "0"];
  return {
    key,
    cert: execFileSync("openssl", renew, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  };
}

export interface Seen {
  readonly status: number;
  readonly body: string;
  /** Common name of the certificate that was shown. */
  readonly name: string;
}

/** Whatever the Host header of the test says. */
const checkServerIdentity = (_host: string, shown: PeerCertificate): Error | undefined =>
  checkIdentity("localhost", shown);

/** One GET on a connection of its own, trusting `ca` alone. */
export function getOverTls(url: string, ca: string, headers: Record<string, string> = {}): Promise<Seen> {
  return new Promise((resolve, reject) => {
    const asked = request(url, { ca, headers, agent: false, checkServerIdentity }, (response) => {
      const { subject } = (response.socket as TLSSocket).getPeerCertificate();
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (part: string) => {
        body += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body, name: String(subject.CN) }));
    });
    asked.on("error", reject);
    asked.end();
  });
}

export interface LogLine {
  readonly level: "info" | "warn" | "error";
  readonly message: string;
}

/** A logger whose lines can be awaited. */
export function createTestLogger(): TlsLogger & { next(): Promise<LogLine> } {
  const lines: LogLine[] = [];
  const waiting: ((line: LogLine) => void)[] = [];
  const write = (level: LogLine["level"]) => (_fields: object, message: string) => {
    const resolve = waiting.shift();
    if (resolve === undefined) lines.push({ level, message });
    else resolve({ level, message });
  };
  return {
    info: write("info"),
    warn: write("warn"),
    error: write("error"),
    next: () => {
      const line = lines.shift();
      return line === undefined ? new Promise((resolve) => waiting.push(resolve)) : Promise.resolve(line);
    },
  };
}
