/** Where the engine finds the application: its setting `proxy_app`, in the same form. */
import { LhgError } from "@lhg/protocol/core/errors";

export type AbciAddress = { readonly path: string } | { readonly host: string; readonly port: number };

const LOOPBACK = "127.0.0.1";
/** sun_path of unix(7) with its closing zero. */
const UNIX_PATH_BYTES_MAX = 107;
const PORT_MAX = 65_535;

/**
 * Reads `unix:///run/lhg/abci.sock` or `tcp://127.0.0.1:26658` (`tcp://[::1]:26658`); without a host, `tcp://:26658` is the loopback. Throws `abci.address`
 * with the name of the setting.
 */
export function parseAbciAddress(text: string, field = "address"): AbciAddress {
  const path = /^unix:\/\/(.*)$/s.exec(text)?.[1];
  if (path !== undefined) {
    // Two processes read it, each in a folder of its own.
    if (!path.startsWith("/") || path.includes("\0"))
      throw new LhgError("abci.address", "must name an absolute path: unix:///run/lhg/abci.sock", field);
    if (Buffer.byteLength(path) > UNIX_PATH_BYTES_MAX)
      throw new LhgError("abci.address", `must name at most ${UNIX_PATH_BYTES_MAX} bytes of path`, field);
    return { path };
  }
  const [, inBrackets, bare, port] =
    /^tcp:\/\/(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9.-]*)):([0-9]{1,5})$/.exec(text) ?? [];
  const host = inBrackets ?? bare;
  if (host === undefined || Number(port) > PORT_MAX)
    throw new LhgError("abci.address", "must be unix:///PATH or tcp://HOST:PORT", field);
  return { host: host === "" ? LOOPBACK : host, port: Number(port) };
}

/** As the engine takes it. */
export function formatAbciAddress(address: AbciAddress): string {
  if ("path" in address) return `unix://${address.path}`;
  const { host, port } = address;
  return `tcp://${host.includes(":") ? `[${host}]` : host}:${port}`;
}
