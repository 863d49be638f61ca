/** What nodes of a test network are connected by, and what can be done to it. Nodes are told apart by their seat, from 0. */

/** Between two nodes, one way each. */
export interface Fabric {
  readonly kind: "namespaces" | "proxies";
  readonly canLose: boolean;
  readonly canDelay: boolean;
  /** Comes before a node's own command. */
  commandOf(seat: number): readonly string[];
  /** Settings that lead a node to its seat, and to its peers' seats. */
  environmentOf(seat: number, peerIds: readonly string[]): Record<string, string>;
  /** Where the test reaches a node's API. No fault touches this way. */
  apiUrlOf(seat: number): string;
  /** Nothing that `from` sends reaches `to` any more. */
  cut(from: number, to: number): Promise<void>;
  /** So many of a hundred packets between nodes are lost. */
  setLoss(percent: number): Promise<void>;
  /** Everything between nodes takes so much longer, each way. */
  setDelay(delayMs: number): Promise<void>;
  /** Takes back all of these. */
  heal(): Promise<void>;
  close(): Promise<void>;
}

export interface FabricWish {
  readonly seats: number;
  /** What the tests are going to do: without a kernel that can do it, the links are proxies. */
  readonly needsDelay?: boolean;
}
