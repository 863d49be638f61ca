import { writeFile } from "node:fs/promises";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { openChain, parseStatementId, waitFor } from "../chain.ts";
import { commandName, type Session } from "../session.ts";

export async function fetchReceipt(
  session: Session,
  text: string,
  options: { readonly out?: string },
): Promise<void> {
  const { id, event } = parseReceiptName(text);
  const chain = await openChain(session);
  const { state } = await chain.client.getStatementState(id);
  if (state === "unknown") throw new LhgError("statement.not-found", "is not known to this node", "ID");
  session.output.progress("waiting until it can be proven");
  const settled = await waitFor(chain, id, "provable");
  const { bytes } = await chain.client.getReceipt(id, event === undefined ? {} : { event });
  const file = options.out ?? `${id.slice(0, 16)}${event === undefined ? "" : `-${event}`}.receipt`;
  await writeFile(file, bytes);
  session.output.result(
    { ...settled, ...(event === undefined ? {} : { event }), file, sizeBytes: bytes.length },
    `${file}: ${bytes.length} bytes, block ${settled.height}, outcome ${settled.status}`,
  );
  session.output.note(`Check it, with or without a network: ${commandName()} verify ${file}`);
}

/** `ID` or `ID:N`, the event N of a capture. Throws `usage.id`. */
function parseReceiptName(text: string): { readonly id: string; readonly event?: number } {
  const [id = "", index, ...rest] = text.split(":");
  if (rest.length > 0 || (index !== undefined && !/^(0|[1-9][0-9]{0,5})$/.test(index)))
    throw new LhgError("usage.id", "must be an id, or an id, a colon and the number of an event", "ID");
  const checked = toHex(parseStatementId(id));
  return index === undefined ? { id: checked } : { id: checked, event: Number(index) };
}
