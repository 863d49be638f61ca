/** A node in a process of its own, driven over IPC, so that its parent can kill it. */

import { readConfig } from "../src/config.ts";
import { createLocalSigner } from "../src/crypto/sodium.ts";
import { loadOrCreateDevChain } from "../src/dev-chain.ts";
import { startChain } from "../src/start-chain.ts";

export type ToChild =
  | { readonly type: "submit"; readonly call: number; readonly submissions: readonly Uint8Array[] }
  | { readonly type: "states"; readonly call: number; readonly ids: readonly string[] };
export type FromChild =
  | { readonly type: "ready"; readonly chainId: string; readonly height: number }
  | { readonly type: "failed"; readonly code: string }
  | { readonly type: "answer"; readonly call: number; readonly result: unknown };

const say = (message: FromChild): boolean => process.send!(message);
let isStopping = false;
const dataDirectory = process.argv[2]!;

try {
  const dev = await loadOrCreateDevChain(dataDirectory);
  const chain = await startChain({
    config: readConfig({ dataDirectory, logLevel: "error", verifyThreads: 1, heartbeatMs: 1_000 }),
    genesis: dev.genesis,
    signers: dev.consensusKeys.map(createLocalSigner),
    onFatal: () => process.exit(70),
  });
  const { service } = chain;
  process.on("message", (message: ToChild) => {
    const { call } = message;
    const work =
      message.type === "submit"
        ? service.submit(message.submissions)
        : Promise.all(message.ids.map((id) => service.statementState(id)));
    work.then(
      (result) => say({ type: "answer", call, result }),
      () => isStopping || process.exit(71),
    );
  });
  process.on("SIGTERM", () => {
    isStopping = true;
    chain.stop().then(() => process.exit(0));
  });
  const { chainId, height } = await service.status();
  say({ type: "ready", chainId, height });
} catch (error) {
  say({ type: "failed", code: String((error as { code?: unknown }).code) });
  process.exitCode = 1;
  process.disconnect();
}
