/** What waits for a device on the chain, for whichever way it is reached. */
import type { NodeService } from "../api/service.ts";

export interface CommandSource {
  /** Commands without acknowledgement, in the order in which the device is to follow them. */
  listPending(device: string): Promise<readonly { readonly id: string; readonly number: number }[]>;
  /** The encoded receipt of a command's statement. Throws `proof.not-yet`. */
  getReceipt(id: string): Promise<Uint8Array>;
}

/** More wait for nobody: the ledger looks no further back. */
const PENDING_MAX = 64;

export function createCommandSource(service: Pick<NodeService, "query">): CommandSource {
  return {
    listPending: async (device) =>
      (await service.query("listCommands", { device, state: "pending", limit: PENDING_MAX })).items,
    getReceipt: async (id) => (await service.query("getReceipt", { id })).bytes,
  };
}
