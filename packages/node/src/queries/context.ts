import type { Crypto } from "@lhg/protocol/core/crypto";
import type { Genesis } from "@lhg/protocol/core/genesis";
import type { Anchor } from "@lhg/protocol/core/proof/anchor";
import type { StateReader } from "@lhg/protocol/core/state/overlay";
import type { Partition } from "@lhg/protocol/core/state/partition";
import type { VersionedState } from "@lhg/protocol/core/state/versioned-state";
import type { HeadRecord } from "../blocks/records.ts";
import type { Store } from "../store/store.ts";

/** What queries stand on: the committed chain, read in the thread that owns the store. */
export interface QueryContext {
  readonly crypto: Crypto;
  readonly chainId: string;
  readonly genesis: Genesis;
  readonly head: HeadRecord;
  /**
   * The newest height whose state a certified header proves (its app hash stands in the header after it);
   * undefined until block 2. All proofs of one answer stand at it.
   */
  readonly provableHeight: number | undefined;
  /** Blocks from this height on are kept; 1 on a node that keeps all. */
  readonly firstHeight: number;
  readonly state: VersionedState;
  readonly store: Store;
  /** The state as of the provable height, else as of the head. */
  readonly provable: StateReader;
  /** The anchor of a partition at the provable height. Throws `proof.not-yet` while there is none. */
  anchorOf(partition: Partition): Anchor;
}
