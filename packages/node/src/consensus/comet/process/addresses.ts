/** Addresses as CometBFT writes them: `tcp://HOST:PORT` and `unix://PATH`. */
import { join } from "node:path";
import { LhgError } from "@lhg/protocol/core/errors";

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

/** `tcp://[::1]:26657`. Throws `engine.address`, naming `field`. */
export function parseTcpAddress(text: string, field: string): TcpAddress {
  const [, inBrackets, bare, digits = ""] =
    /^tcp:\/\/(?:\[([^\]]+)\]|([^:/[\]]+)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = inBrackets ?? bare;
  if (host === undefined || Number(digits) > 65_535)
    throw new LhgError("engine.address", "must be tcp://<host>:<port>", field);
  return { host, port: Number(digits) };
}

/** `192.0.2.1:26702`, `[2001:db8::1]:26702` */
export function formatHostPort({ host, port }: TcpAddress): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** In the home, so that it moves with it and only the owner of the home gets at it. */
export const ABCI_SOCKET = "abci.sock";

export interface AbciSettings {
  readonly cometAbci: string | undefined;
  readonly cometHome: string;
}

/** Where LHG waits for CometBFT: the setting, or a socket in the home of CometBFT. */
export function abciAddressOf({ cometAbci, cometHome }: AbciSettings): string {
  return cometAbci ?? `unix://${join(cometHome, ABCI_SOCKET)}`;
}
