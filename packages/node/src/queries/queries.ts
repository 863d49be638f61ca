/** Every question the node answers, by name. They run in the thread that owns ledger and store. */
import { getAccountView } from "./accounts.ts";
import { getActivity } from "./activity.ts";
import { listAttestations } from "./attestations.ts";
import { getBlock, listBlocks } from "./blocks.ts";
import { getChain, getGroupView, getParametersView, getValidators, listGroups } from "./chain.ts";
import { getCollection, getStreamView, listCollections, listStreams } from "./collections.ts";
import { listCommands } from "./commands.ts";
import type { QueryContext } from "./context.ts";
import { getDeviceView, listDevices } from "./devices.ts";
import { listEvents } from "./event-search.ts";
import { getEvent } from "./events.ts";
import { getItemView, listItemChildren, listItemEvents } from "./items.ts";
import { getConsistency, getHistoryProof, getPartition, listHistory } from "./logs.ts";
import { getReceipt, getValueProof } from "./proofs.ts";
import { getDocument, getStatement, listStatements } from "./statements.ts";
import { getTotals } from "./totals.ts";
import { getTrace, getTraceBundle } from "./traces.ts";
import { getHolder, getVendorView, listVendors } from "./vendors.ts";

type Query = (context: QueryContext, args: never) => unknown;

/**
 * Arguments and results are plain data that crosses threads; results are JSON but for byte strings of encoded
 * proofs and documents. Unknown things throw `<thing>.not-found`, what no header proves yet `proof.not-yet`.
 */
export const queries = {
  getAccount: getAccountView,
  getActivity,
  getBlock,
  getChain,
  getCollection,
  getConsistency,
  getDevice: getDeviceView,
  getDocument,
  getEvent,
  getGroup: getGroupView,
  getHistoryProof,
  getHolder,
  getItem: getItemView,
  getParameters: getParametersView,
  getPartition,
  getReceipt,
  getStatement,
  getStream: getStreamView,
  getTotals,
  getTrace,
  getTraceBundle,
  getValidators,
  getValueProof,
  getVendor: getVendorView,
  listAttestations,
  listBlocks,
  listCollections,
  listCommands,
  listDevices,
  listEvents,
  listGroups,
  listHistory,
  listItemChildren,
  listItemEvents,
  listStatements,
  listStreams,
  listVendors,
} as const satisfies Record<string, Query>;

export type QueryName = keyof typeof queries;
export type QueryArgs<K extends QueryName> = Parameters<(typeof queries)[K]>[1];
export type QueryResult<K extends QueryName> = Awaited<ReturnType<(typeof queries)[K]>>;
