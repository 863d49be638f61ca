import { equalBytes, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import type { Message } from "@lhg/protocol/ledger";
import { countCommands, getCommand } from "@lhg/protocol/modules/command/command";
import { getDevice } from "@lhg/protocol/modules/identity/devices";
import type { QueryContext } from "./context.ts";
import { NUMBER_BYTES, openPage, type PageArgs, pageNumbers, readHex } from "./paging.ts";
import { findStatement, isKept, isProvable, readPrepared, requireSome } from "./stored.ts";
import type { CommandView, Page } from "./views.ts";

/** How far back from the newest one what waits is looked for: a device that is silent for longer has lost its orders. */
const PENDING_WITHIN = 64;

/**
 * Commands of a device with its answers, newest first. `pending`: those that can be proven, that the device has not answered and that
 * are not over, oldest first, as it must follow them; `history.pruned` when one of them is no longer kept here, because a device must
 * not follow the next one before it. Of all those whose payload is not kept are left out. Throws `device.not-found`.
 */
export function listCommands(
  context: QueryContext,
  args: PageArgs & { readonly device: string; readonly state?: "all" | "pending" },
): Page<CommandView> {
  const paging = openPage(context, "listCommands", args, NUMBER_BYTES);
  const device = readHex(args.device, 20, "device");
  const owned = getDevice(context.state, device);
  if (owned === undefined)
    throw new LhgError("device.not-found", "no device of this address is registered", "device");
  const total = countCommands(context.state, owned.vendor, device);
  const read = createTransactions(context);
  const view = (number: number): CommandView => viewCommand(context, read, owned.vendor, device, number);
  if (args.state !== "pending") {
    let isPruned = false;
    const page = pageNumbers(paging, { first: total, last: 1, step: -1 }, (number) => {
      isPruned = !isKept(context, getCommand(context.state, owned.vendor, device, number)!.height);
      return isPruned ? undefined : view(number);
    });
    return requireSome(context, page, isPruned);
  }
  const range = { first: Math.max(1, total - PENDING_WITHIN + 1), last: total, step: 1 } as const;
  return pageNumbers(paging, range, (number) => {
    const held = getCommand(context.state, owned.vendor, device, number)!;
    const isOpen = held.acknowledgement === null && held.expiryMs > context.head.timeMs;
    return isOpen && isProvable(context, held.height) ? view(number) : undefined;
  });
}

function viewCommand(
  context: QueryContext,
  read: ReadMessages,
  vendor: Uint8Array,
  device: Uint8Array,
  number: number,
): CommandView {
  const { statementId, sentBy, name, height, timeMs, expiryMs, acknowledgement } = getCommand(
    context.state,
    vendor,
    device,
    number,
  )!;
  const id = toHex(statementId);
  return {
    device: toHex(device),
    number,
    id,
    name,
    payload: findPayload(read(id), device, number),
    sentBy: toHex(sentBy),
    sentAtHeight: height,
    timeMs,
    expiryMs,
    ...(acknowledgement === null
      ? {}
      : {
          acknowledgement: {
            result: acknowledgement.result,
            statementId: toHex(acknowledgement.statementId),
            height: acknowledgement.height,
            timeMs: acknowledgement.timeMs,
          },
        }),
  };
}

type ReadMessages = (id: string) => readonly Message[];

/** Payloads are no state: they stand in the transactions, of which one may hold many. Each is read once for an answer. */
function createTransactions(context: QueryContext): ReadMessages {
  const known = new Map<string, readonly Message[]>();
  return (id) => {
    let messages = known.get(id);
    if (messages === undefined) {
      const statement = readPrepared(context, findStatement(context, id).record);
      messages = statement.kind === "transaction" ? statement.payload.messages : [];
      known.set(id, messages);
    }
    return messages;
  };
}

function findPayload(messages: readonly Message[], device: Uint8Array, number: number): string {
  for (const entry of messages)
    if (
      entry.type === "command.send" &&
      entry.body.number === number &&
      equalBytes(entry.body.device, device)
    )
      return toHex(entry.body.payload);
  return "";
}
