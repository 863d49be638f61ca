/** Opens a key file beside the page: scrypt takes a second, and the page stays usable. */
import { LhgError } from "@lhg/protocol/core/errors";
import { decryptKey } from "@lhg/sdk/keys/keystore";

interface Question {
  readonly file: unknown;
  readonly passphrase: string;
}

self.addEventListener("message", ({ data }: MessageEvent<Question>) => {
  try {
    self.postMessage({ key: decryptKey(data.file, data.passphrase) });
  } catch (error) {
    const { code, message } =
      error instanceof LhgError ? error : { code: "internal", message: (error as Error).message };
    self.postMessage({ problem: { code, message } });
  }
});
