/** What one node says of the chain, read as it grows: blocks and the statements in them. */
import type { Client } from "@lhg/sdk/client/client";

const PAGE = 200;

export interface ChainView {
  readonly name: string;
  /** Hashes of blocks, from height 1 on. */
  readonly hashes: readonly string[];
  /** Height of each statement that has an outcome. */
  readonly statements: ReadonlyMap<string, number>;
  /** Reads what is new. Throws where a statement stands twice, or a block that was read is another now. */
  advance(client: Client): Promise<void>;
}

export function createChainView(name: string): ChainView {
  const hashes: string[] = [];
  const statements = new Map<string, number>();

  async function readBlocks(client: Client, upTo: number): Promise<void> {
    const known = hashes.length;
    const found = new Map<number, string>();
    for (let cursor: string | undefined; ; ) {
      const page = await client.listBlocks({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
      for (const { height, hash } of page.items) if (height <= upTo) found.set(height, hash);
      cursor = page.next;
      const lowest = page.items.at(-1)?.height ?? 0;
      // One that is known already, so that a chain that was changed behind our back shows.
      if (cursor === undefined || lowest <= Math.max(known, 1)) break;
    }
    const again = found.get(known);
    if (known > 0 && again !== undefined && again !== hashes[known - 1])
      throw new Error(`${name} has another block ${known} than before`);
    for (let height = known + 1; height <= upTo; height++) {
      const hash = found.get(height);
      if (hash === undefined) throw new Error(`${name} tells of no block ${height}`);
      hashes.push(hash);
    }
  }

  async function readStatements(client: Client, above: number, upTo: number): Promise<void> {
    for (let cursor: string | undefined; ; ) {
      const page = await client.listStatements({ limit: PAGE, ...(cursor === undefined ? {} : { cursor }) });
      for (const { id, height } of page.items) {
        if (height <= above || height > upTo) continue;
        const before = statements.get(id);
        if (before !== undefined) throw new Error(`${name} has ${id} at ${before} and at ${height}`);
        statements.set(id, height);
      }
      cursor = page.next;
      if (cursor === undefined || (page.items.at(-1)?.height ?? 0) <= above) break;
    }
  }

  return {
    name,
    hashes,
    statements,
    async advance(client) {
      const { height } = await client.getStatus();
      const known = hashes.length;
      if (height <= known) return;
      await readStatements(client, known, height);
      await readBlocks(client, height);
    },
  };
}

/** Throws where two nodes have different blocks at one height. The hash of a block commits to the state before it. */
export function requireAgreement(views: readonly ChainView[]): void {
  const longest = views.reduce((a, b) => (a.hashes.length >= b.hashes.length ? a : b));
  for (const view of views)
    for (const [i, hash] of view.hashes.entries())
      if (hash !== longest.hashes[i])
        throw new Error(`${view.name} and ${longest.name} differ at height ${i + 1}`);
}
