/** Submissions of many devices that fall into the same moment travel in one request. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Client } from "@lhg/sdk/client/client";

export type Post = (submission: Uint8Array) => Promise<void>;

interface Waiting {
  readonly bytes: Uint8Array;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

const GATHER_MS = 25;

/** Resolves when the node has it durably; rejects with the refusal, or with what kept the request from the node. */
export function createPost(client: Pick<Client, "submitMany">): Post {
  let waiting: Waiting[] = [];

  async function sendGathered(): Promise<void> {
    const sent = waiting;
    waiting = [];
    try {
      const results = await client.submitMany(sent.map(({ bytes }) => bytes));
      for (const [i, result] of results.entries())
        if (result.state === "accepted") sent[i]!.resolve();
        else sent[i]!.reject(new LhgError(result.code, result.message, result.field));
    } catch (error) {
      for (const { reject } of sent) reject(error);
    }
  }

  return (bytes) =>
    new Promise((resolve, reject) => {
      waiting.push({ bytes, resolve, reject });
      if (waiting.length === 1) setTimeout(() => void sendGathered(), GATHER_MS);
    });
}
