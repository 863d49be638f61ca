/** The Host header must name this node: a page elsewhere whose name resolves here (DNS rebinding) gets nothing. */
const HOST = /^(\[[0-9a-f:.]{2,45}\]|[a-z0-9](?:[a-z0-9.-]{0,252}))(?::[0-9]{1,5})?$/;

const ANY_ADDRESS = new Set(["0.0.0.0", "::", ""]);

export function createHostCheck(host: string, publicUrl: string | undefined): (header: string) => boolean {
  const allowed = new Set(["localhost", "127.0.0.1", "[::1]"]);
  if (!ANY_ADDRESS.has(host))
    allowed.add(host.includes(":") ? `[${host.toLowerCase()}]` : host.toLowerCase());
  if (publicUrl !== undefined) allowed.add(new URL(publicUrl).hostname.toLowerCase());
  return (header) => {
    const name = HOST.exec(header.toLowerCase())?.[1];
    return name !== undefined && allowed.has(name);
  };
}
