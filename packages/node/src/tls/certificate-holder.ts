import type { Certificate, CertificateSource } from "./certificate.ts";

/** What the parts of this folder log of; pino fits. */
export interface TlsLogger {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface CertificateHolder extends CertificateSource {
  /** Tells the listeners where it differs from the current one. */
  replace(certificate: Certificate): void;
}

export function createCertificateHolder(first: Certificate | undefined): CertificateHolder {
  const listeners: ((certificate: Certificate) => void)[] = [];
  let current = first;
  return {
    get current() {
      return current;
    },
    onChange: (listener) => {
      listeners.push(listener);
    },
    replace: (certificate) => {
      if (certificate.cert === current?.cert && certificate.key === current.key) return;
      current = certificate;
      for (const listener of listeners) listener(certificate);
    },
  };
}
