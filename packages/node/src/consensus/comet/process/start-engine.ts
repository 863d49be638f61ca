/** The process of a node's CometBFT, cured of the one death that it does not get over by itself. */
import type { LhgError } from "@lhg/protocol/core/errors";
import { dropCometData } from "./comet-home.ts";
import { isTornStateSync } from "./crash-causes.ts";
import { type CometSupervisor, type SupervisorOptions, superviseComet } from "./supervisor.ts";

export interface EngineOptions extends SupervisorOptions {
  /** Whether the ledger has executed a block: then it could not begin with a snapshot again. */
  readonly hasBlocks: () => boolean;
}

/**
 * Supervises CometBFT. Killed between the state of a snapshot and its first block it ends at every start: its data, which holds no
 * block, is deleted then, but for what it signed, and it begins with a snapshot anew. Once; the next time it is `onFatal`'s.
 */
export function startEngine(options: EngineOptions): Pick<CometSupervisor, "stop" | "killHung"> {
  const { home, log, onFatal, hasBlocks } = options;
  let curing: Promise<void> | undefined;
  let isStopped = false;
  let running = superviseComet({ ...options, onFatal: judge });

  function judge(error: LhgError): void {
    if (hasBlocks() || !isTornStateSync(error)) {
      onFatal(error);
      return;
    }
    log("warn", { home }, "CometBFT was killed between a snapshot and its first block: it begins anew");
    curing = dropCometData(home).then(
      () => {
        if (!isStopped) running = superviseComet(options);
      },
      (problem: LhgError) => onFatal(problem),
    );
  }

  return {
    killHung: () => running.killHung(),
    async stop() {
      isStopped = true;
      await curing;
      await running.stop();
    },
  };
}
