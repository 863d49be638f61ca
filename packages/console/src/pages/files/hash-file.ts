import { LhgError } from "@lhg/protocol/core/errors";
import type { HashReport } from "./hash-worker.ts";

export interface HashedFile {
  readonly name: string;
  readonly mediaType: string;
  readonly digest: Uint8Array;
  readonly sizeBytes: number;
  readonly tookMs: number;
}

/** Throws `file.unreadable`, and whatever reason the signal was aborted with. */
export async function hashFile(
  file: File,
  onProgress: (doneBytes: number) => void,
  signal: AbortSignal,
): Promise<HashedFile> {
  const worker = new Worker(new URL("./hash-worker.ts", import.meta.url), { type: "module" });
  const startMs = performance.now();
  try {
    return await new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason as Error));
      worker.addEventListener("error", ({ message }) => reject(new LhgError("file.unreadable", message)));
      worker.addEventListener("message", ({ data }: MessageEvent<HashReport>) => {
        if ("problem" in data) reject(new LhgError("file.unreadable", data.problem, "file"));
        else if ("digest" in data)
          resolve({
            name: file.name,
            mediaType: file.type,
            digest: data.digest,
            sizeBytes: data.doneBytes,
            tookMs: performance.now() - startMs,
          });
        else onProgress(data.doneBytes);
      });
      worker.postMessage(file);
    });
  } finally {
    worker.terminate();
  }
}
