import { LhgError } from "@lhg/protocol/core/errors";
import type { SecretKey } from "@lhg/sdk/keys/keys";

type Answer =
  | { readonly key: SecretKey }
  | { readonly problem: { readonly code: string; readonly message: string } };

const FILE_BYTES_MAX = 64 << 10;

/** Throws `keystore.*`: no key file, a wrong passphrase, a file that was changed. */
export async function openKeyFile(file: File, passphrase: string): Promise<SecretKey> {
  const json = await readJson(file);
  const worker = new Worker(new URL("./keystore-worker.ts", import.meta.url), { type: "module" });
  try {
    return await new Promise((resolve, reject) => {
      worker.addEventListener("message", ({ data }: MessageEvent<Answer>) => {
        if ("key" in data) resolve(data.key);
        else reject(new LhgError(data.problem.code, data.problem.message));
      });
      worker.addEventListener("error", ({ message }) => reject(new Error(message)));
      worker.postMessage({ file: json, passphrase });
    });
  } finally {
    worker.terminate();
  }
}

async function readJson(file: File): Promise<unknown> {
  if (file.size > FILE_BYTES_MAX) throw new LhgError("keystore.malformed", "is no key file", "file");
  try {
    return JSON.parse(await file.text()) as unknown;
  } catch {
    throw new LhgError("keystore.malformed", "is no key file", "file");
  }
}
