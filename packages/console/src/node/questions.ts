/** Questions that several pages ask, each under one key, so that they share the answer. */
import { LhgError } from "@lhg/protocol/core/errors";
import type {
  BlockSummary,
  Command,
  NodeStatus,
  PresenceList,
  Statistics,
  Validators,
  Vendor,
} from "@lhg/sdk/client/types";
import { type UseQueryResult, useQuery } from "@tanstack/react-query";
import { client } from "./client.ts";

export type Presence = PresenceList["items"][number];

export function useStatus(refreshMs = 5_000): UseQueryResult<NodeStatus> {
  return useQuery({
    queryKey: ["status"],
    queryFn: () => client.getStatus(),
    refetchInterval: refreshMs,
  });
}

export function useValidators(): UseQueryResult<Validators> {
  return useQuery({ queryKey: ["validators"], queryFn: () => client.getValidators(), staleTime: 30_000 });
}

export function useStatistics(): UseQueryResult<Statistics> {
  return useQuery({
    queryKey: ["statistics"],
    queryFn: () => client.getStatistics(),
    refetchInterval: 2_000,
  });
}

/** Blocks asked for when the overview opens: pictures at once, for 33 KB. */
const SEED_BLOCKS = 100;
const NO_BLOCKS: readonly BlockSummary[] = [];

export function useSeedBlocks(): readonly BlockSummary[] {
  const { data } = useQuery({
    queryKey: ["blocks", "seed"],
    queryFn: async () => (await client.listBlocks({ limit: SEED_BLOCKS })).items,
    staleTime: Number.POSITIVE_INFINITY,
  });
  return data ?? NO_BLOCKS;
}

const VENDORS_MAX = 200;

export function useVendors(): UseQueryResult<readonly Vendor[]> {
  return useQuery({
    queryKey: ["vendors"],
    queryFn: async () => (await client.listVendors({ limit: VENDORS_MAX })).items,
    staleTime: 15_000,
  });
}

/** The vendor's name where it is known already. */
export function useVendorName(address: string): string | undefined {
  return useVendors().data?.find(({ vendor }) => vendor === address)?.name;
}

/** By device; devices that no gateway of this node ever heard are not there. */
export function usePresence(): ReadonlyMap<string, Presence> {
  const { data } = useQuery({
    queryKey: ["presence"],
    queryFn: async () => {
      const { items } = await client.listPresence();
      return new Map(items.map((entry) => [entry.device, entry]));
    },
    refetchInterval: 5_000,
    // A map: compared by identity.
    structuralSharing: false,
  });
  return data ?? NO_PRESENCE;
}
const NO_PRESENCE: ReadonlyMap<string, Presence> = new Map();

export function useCommands(device: string): UseQueryResult<readonly Command[]> {
  return useQuery({
    queryKey: ["commands", device],
    queryFn: async () => (await client.listCommands(device, { limit: 20 })).items,
    refetchInterval: 3_000,
  });
}

export async function fetchMetrics(): Promise<string> {
  const response = await fetch("/api/v1/metrics", { headers: { accept: "text/plain" } }).catch(
    (error: unknown) => {
      throw new LhgError("client.unreachable", `the node cannot be reached (${String(error)})`);
    },
  );
  if (!response.ok) throw new LhgError("client.answer", `answered with HTTP ${response.status}`);
  return response.text();
}
