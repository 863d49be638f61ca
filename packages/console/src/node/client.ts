/** The node this page was loaded from, and the memory of what it answered. */
import { LhgError } from "@lhg/protocol/core/errors";
import { type Client, createClient } from "@lhg/sdk/client/client";
import { QueryClient } from "@tanstack/react-query";

export const client: Client = createClient({ url: location.origin });

/** What the node answered on purpose stays so when it is asked again; the client itself bridges short breaks. */
function isFinal(error: unknown): boolean {
  return error instanceof LhgError && !error.code.startsWith("client.");
}

/** Answers are kept while the node is away, and asked for again when the live stream is back (`live.ts`). */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: {
      retry: (count, error) => count < 2 && !isFinal(error),
      staleTime: 2_000,
      networkMode: "always",
    },
  },
});

/** Also where an address of a page is no address of a thing. */
export function isNotFound(error: unknown): boolean {
  return error instanceof LhgError && (error.code.endsWith(".not-found") || error.code === "request.invalid");
}
