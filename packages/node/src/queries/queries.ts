/** Every question the node answers, by name. They run in the thread that owns ledger and store. */
import type { QueryContext } from "./context.ts";

/** Arguments and results are plain data: they cross threads. Unknown things throw `<thing>.not-found`. */
type Query = (context: QueryContext, args: never) => unknown;

export const queries = {} as const satisfies Record<string, Query>;

export type QueryName = keyof typeof queries;
export type QueryArgs<K extends QueryName> = Parameters<(typeof queries)[K]>[1];
export type QueryResult<K extends QueryName> = Awaited<ReturnType<(typeof queries)[K]>>;
