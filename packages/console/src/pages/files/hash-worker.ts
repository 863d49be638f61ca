/** Hashes a file piece by piece, beside the page: a file of any size needs the memory of one piece. */
import { sha256 } from "@noble/hashes/sha2.js";

/** `doneBytes` so far, or the digest at the end. */
export type HashReport =
  | { readonly doneBytes: number }
  | { readonly digest: Uint8Array; readonly doneBytes: number }
  | { readonly problem: string };

const REPORT_EVERY_MS = 100;

self.addEventListener("message", async ({ data: file }: MessageEvent<Blob>) => {
  const report = (message: HashReport): void => self.postMessage(message);
  try {
    const hash = sha256.create();
    const reader = file.stream().getReader();
    let doneBytes = 0;
    let reportedMs = 0;
    for (;;) {
      const { done, value } = await reader.read();
      if (done) break;
      hash.update(value);
      doneBytes += value.length;
      if (performance.now() - reportedMs < REPORT_EVERY_MS) continue;
      reportedMs = performance.now();
      report({ doneBytes });
    }
    report({ digest: hash.digest(), doneBytes });
  } catch (error) {
    // The file was changed or taken away while it was read.
    report({ problem: (error as Error).message });
  }
});
