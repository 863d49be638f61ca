import { toHex } from "@lhg/protocol/core/bytes";
import type { Attestations } from "@lhg/sdk/client/types";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { client } from "../../node/client.ts";

export function attestationsKey(digest: Uint8Array): readonly string[] {
  return ["attestations", toHex(digest)];
}

export function useAttestations(digest: Uint8Array): UseQueryResult<Attestations> {
  return useQuery({
    queryKey: attestationsKey(digest),
    queryFn: () => client.getAttestations(toHex(digest)),
  });
}
