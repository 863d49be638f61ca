/** The node this page was loaded from, and the memory of what it answered. */
import { type Client, createClient } from "@lhg/sdk/client/client";
import { QueryClient } from "@tanstack/react-query";

export const client: Client = createClient({ url: location.origin });

/** A failed question is asked again, with growing pauses, for as long as somebody looks at its answer. */
export const queryClient = new QueryClient({
  defaultOptions: { queries: { retry: 2, staleTime: 2_000, networkMode: "always" } },
});
