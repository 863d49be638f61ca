import { writeFile } from "node:fs/promises";
import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { type Chain, openChain, parseStatementId, waitFor } from "../chain.ts";
import { commandName, type Session } from "../session.ts";

export async function fetchReceipt(
  session: Session,
  text: string,
  options: { readonly out?: string },
): Promise<void> {
  const given = parseReceiptName(text);
  const chain = await openChain(session);
  const { id, event } = given ?? (await findEvent(chain, text));
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

interface ReceiptName {
  readonly id: string;
  readonly event?: number;
}

const URI = /^[A-Za-z][A-Za-z0-9+.-]*:/;

/** The one event of an eventID or an event hash. Throws `event.not-found`, `event.ambiguous`. */
async function findEvent({ client }: Chain, alias: string): Promise<ReceiptName> {
  const { items } = await client.listEvents({ alias });
  const [first, second] = items;
  if (first === undefined) throw new LhgError("event.not-found", "no event has this id or hash", alias);
  if (second !== undefined)
    throw new LhgError(
      "event.ambiguous",
      `several events have it, say which: ${items.map(({ id }) => id).join(", ")}`,
      alias,
    );
  return parseReceiptName(first.id)!;
}

/** `ID` or `ID:N`, the event N of a capture; undefined for another URI. Throws `usage.id`. */
function parseReceiptName(text: string): ReceiptName | undefined {
  if (URI.test(text) && !/^[0-9a-fA-F]{64}:/.test(text)) return undefined;
  const [id = "", index, ...rest] = text.split(":");
  if (rest.length > 0 || (index !== undefined && !/^(0|[1-9][0-9]{0,5})$/.test(index)))
    throw new LhgError(
      "usage.id",
      "must be an id, an id with :N for its event N, an eventID or an event hash",
      "ID",
    );
  const checked = toHex(parseStatementId(id));
  return index === undefined ? { id: checked } : { id: checked, event: Number(index) };
}
