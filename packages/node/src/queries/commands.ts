import { toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { countCommands, getCommand } from "@lhg/protocol/modules/command/command";
import { getDevice } from "@lhg/protocol/modules/identity/devices";
import type { QueryContext } from "./context.ts";
import { NUMBER_BYTES, openPage, type PageArgs, pageNumbers, readHex } from "./paging.ts";
import { findStatement, isProvable, readPrepared } from "./stored.ts";
import type { CommandView, Page } from "./views.ts";

/** How far back from the newest one what waits is looked for: a device that is silent for longer has lost its orders. */
const PENDING_WITHIN = 64;

/**
 * Commands of a device with its answers, newest first. `pending`: those that can be proven, that the device has not answered and that
 * are not over, oldest first, as it must follow them. Throws `device.not-found`.
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
  const view = (number: number): CommandView => viewCommand(context, owned.vendor, device, number);
  if (args.state !== "pending") return pageNumbers(paging, { first: total, last: 1, step: -1 }, view);
  const range = { first: Math.max(1, total - PENDING_WITHIN + 1), last: total, step: 1 } as const;
  return pageNumbers(paging, range, (number) => {
    const held = getCommand(context.state, owned.vendor, device, number)!;
    const isOpen = held.acknowledgement === null && held.expiryMs > context.head.timeMs;
    return isOpen && isProvable(context, held.height) ? view(number) : undefined;
  });
}

function viewCommand(
  context: QueryContext,
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
    payload: readPayload(context, id, device, number),
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

/** The payload is no state: it stands in the transaction. */
function readPayload(context: QueryContext, id: string, device: Uint8Array, number: number): string {
  const statement = readPrepared(context, findStatement(context, id).record);
  if (statement.kind !== "transaction") return "";
  const sent = statement.payload.messages.find(
    (entry) =>
      entry.type === "command.send" &&
      entry.body.number === number &&
      toHex(entry.body.device) === toHex(device),
  );
  return sent?.type === "command.send" ? toHex(sent.body.payload) : "";
}
