/** Memory of a node that nobody talks to, started by the project's own start script without the sample world. */
import { setTimeout as sleep } from "node:timers/promises";
import { bySize, type Figure, type Part } from "./figures.ts";
import { endProcess, readMemory, startArguments, startNode } from "./processes.ts";

/** What the aim is set for. */
const AIM_SECONDS = 600;
const AIM_RESIDENT_MB = 300;

export const idle: Part = {
  name: "idle",
  run: async (context) => {
    const seconds = bySize(context, { quick: 5, default: 60, full: AIM_SECONDS });
    const started = startNode([
      ...startArguments("start:empty"),
      "--port",
      "0",
      "--mqtt-port",
      "0",
      "--data",
      context.makeDirectory(),
    ]);
    try {
      await started.nextLine();
      context.say(`the node idles for ${seconds} s`);
      await sleep(seconds * 1000);
      if (started.child.exitCode !== null) await started.nextLine();
      return residentFigure(seconds, started.child.pid, context.calibration.bareProcessBytes);
    } finally {
      await endProcess(started);
    }
  },
};

function residentFigure(seconds: number, pid: number | undefined, bareBytes: number | undefined): Figure[] {
  const residentBytes = readMemory(pid)?.residentBytes;
  if (residentBytes === undefined || bareBytes === undefined) return [];
  return [
    {
      name: `resident, idle for ${seconds} s`,
      value: residentBytes / 1e6,
      unit: "MB",
      limit: { name: "bare Node process", value: bareBytes / 1e6 },
      aim: { atMost: AIM_RESIDENT_MB },
      isOtherSize: seconds !== AIM_SECONDS,
    },
  ];
}
