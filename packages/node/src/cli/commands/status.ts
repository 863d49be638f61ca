import { createClient } from "@lhg/sdk/client/client";
import { findDevKeys } from "../dev-keys.ts";
import { formatFields } from "../output.ts";
import type { Session } from "../session.ts";

export async function showStatus(session: Session): Promise<void> {
  const { url, data } = session.options;
  const status = await createClient({ url }).getStatus();
  const { chainId, engine, height, provableHeight, timeMs, validators, peers, mempool, version } = status;
  const isDevelopment = (await findDevKeys(data, chainId)) !== undefined;
  session.output.result(
    { ...status, isDevelopment },
    formatFields([
      ["chain", isDevelopment ? `${chainId} (development: its keys are here)` : chainId],
      ["node", `${url}, version ${version}, engine ${engine}${status.isReady ? "" : ", NOT READY"}`],
      ["height", `${height}, provable up to ${provableHeight ?? "none yet"}`],
      ["time", new Date(timeMs).toISOString()],
      ["validators", `${validators}${status.isValidator ? ", some of them here" : ""}`],
      ["peers", String(peers)],
      ["waiting", `${mempool.statements} statements, ${mempool.sizeBytes} bytes`],
      ["up for", `${Math.round(status.uptimeMs / 1000)} s`],
    ]),
  );
}
