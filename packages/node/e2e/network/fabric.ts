/** What nodes of a test network are connected by, and what can be done to it. Nodes are told apart by their seat, from 0. */

/** Where nodes run, and where they find each other. */
export interface Seating {
  /** Comes before a node's own command. */
  commandOf(seat: number): readonly string[];
  /** Settings that lead a node to its seat, and to its peers' seats. */
  environmentOf(seat: number, peerIds: readonly string[]): Record<string, string>;
  /** Where the test reaches a node's API. No fault touches this way. */
  apiUrlOf(seat: number): string;
  close(): Promise<void>;
}

/** A seating whose links can be spoilt, each way by itself. */
export interface Fabric extends Seating {
  readonly kind: "namespaces" | "proxies";
  readonly canDelay: boolean;
  /** Nothing that `from` sends reaches `to` any more. */
  cut(from: number, to: number): Promise<void>;
  /** So many of a hundred packets between nodes are lost. */
  setLoss(percent: number): Promise<void>;
  /** Everything between nodes takes so much longer, each way. */
  setDelay(delayMs: number): Promise<void>;
  /** Takes back all of these. */
  heal(): Promise<void>;
}

export interface FabricWish {
  readonly seats: number;
  /** What the tests are going to do: without a kernel that can do it, the links are proxies. */
  readonly needsDelay?: boolean;
}
