/** A list that is read page by page: the newest first, older ones when asked for. */
import type { Page } from "@lhg/sdk/client/types";
import { type QueryKey, useInfiniteQuery } from "@tanstack/react-query";
import { type ReactNode, useEffect } from "react";
import { useStrings } from "../strings/strings.tsx";
import { Button } from "./button.tsx";
import { Failure, Loading } from "./states.tsx";

const EMPTY_PAGES_MAX = 50;

export interface PagedOptions<T> {
  readonly queryKey: QueryKey;
  readonly fetchPage: (cursor: string | undefined) => Promise<Page<T>>;
}

export interface Paged<T> {
  readonly rows: readonly T[] | undefined;
  /** Stands below the rows: older ones, waiting, or what failed. */
  readonly foot: ReactNode;
}

export function usePaged<T>({ queryKey, fetchPage }: PagedOptions<T>): Paged<T> {
  const { values } = useStrings();
  const query = useInfiniteQuery({
    queryKey,
    queryFn: ({ pageParam }) => fetchPage(pageParam),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (last: Page<T>) => last.next,
    staleTime: 10_000,
  });
  const rows = query.data?.pages.flatMap(({ items }) => items);
  const isScanning =
    rows?.length === 0 && query.hasNextPage && query.data!.pages.length < EMPTY_PAGES_MAX && !query.isError;
  const { fetchNextPage, isFetchingNextPage } = query;
  // A node looks through so many entries a question: pages may be empty long before the list is.
  useEffect(() => {
    if (isScanning && !isFetchingNextPage) void fetchNextPage();
  }, [isScanning, isFetchingNextPage, fetchNextPage]);
  const foot = (
    <>
      {query.isPending || isScanning ? <Loading /> : null}
      {query.error === null ? null : <Failure error={query.error} onRetry={() => void query.refetch()} />}
      {query.hasNextPage ? (
        <p>
          <Button disabled={query.isFetchingNextPage} onClick={() => void query.fetchNextPage()}>
            {values.loadMore}
          </Button>
        </p>
      ) : null}
    </>
  );
  return { rows: isScanning ? undefined : rows, foot };
}
