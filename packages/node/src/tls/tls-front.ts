/** What of TLS the settings of a node ask for, as one thing to start and stop. */
import { join } from "node:path";
import { openAcme } from "./acme.ts";
import type { CertificateSource } from "./certificate.ts";
import { openCertificateFiles } from "./certificate-files.ts";
import type { TlsLogger } from "./certificate-holder.ts";
import { createRedirectServer, type RedirectServer } from "./redirect-server.ts";

export interface TlsSettings {
  readonly dataDirectory: string;
  readonly host: string;
  readonly publicUrl: string | undefined;
  readonly tlsCertificateFile: string | undefined;
  readonly tlsKeyFile: string | undefined;
  readonly httpRedirectPort: number | undefined;
  readonly acmeDomain: string | undefined;
  readonly acmeEmail: string | undefined;
  readonly acmeDirectoryUrl: string;
}

export interface TlsFront {
  readonly certificates: CertificateSource;
  /** Listens on the plain HTTP port, and begins to order certificates. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Undefined where the node speaks plain HTTP. The settings were checked together. */
export async function openTlsFront(settings: TlsSettings, logger: TlsLogger): Promise<TlsFront | undefined> {
  const { tlsCertificateFile, tlsKeyFile, acmeDomain } = settings;
  const redirect = openRedirect(settings);
  if (tlsCertificateFile !== undefined && tlsKeyFile !== undefined) {
    const files = await openCertificateFiles(tlsCertificateFile, tlsKeyFile, logger);
    return {
      certificates: files,
      start: () => startRedirect(redirect, logger),
      stop: async () => {
        files.stop();
        await redirect?.stop();
      },
    };
  }
  if (acmeDomain === undefined) return undefined;
  const acme = await openAcme({
    domain: acmeDomain,
    email: settings.acmeEmail,
    directoryUrl: settings.acmeDirectoryUrl,
    folder: join(settings.dataDirectory, "tls"),
    challenges: redirect?.challenges ?? new Map(),
    logger,
  });
  return {
    certificates: acme,
    start: async () => {
      await startRedirect(redirect, logger);
      acme.start();
    },
    stop: async () => {
      await acme.stop();
      await redirect?.stop();
    },
  };
}

function openRedirect({ host, publicUrl, httpRedirectPort }: TlsSettings): RedirectServer | undefined {
  if (httpRedirectPort === undefined || publicUrl === undefined) return undefined;
  return createRedirectServer({ host, port: httpRedirectPort, publicUrl });
}

async function startRedirect(redirect: RedirectServer | undefined, logger: TlsLogger): Promise<void> {
  if (redirect === undefined) return;
  const port = await redirect.start();
  logger.info({ port }, "plain HTTP leads to the public URL");
}
