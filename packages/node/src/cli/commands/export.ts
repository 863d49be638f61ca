import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { type Chain, openChain } from "../chain.ts";
import type { Session } from "../session.ts";

type What = "blocks" | "statements" | "events";

interface Page {
  readonly items: readonly unknown[];
  readonly next?: string;
}

const PAGE_LIMIT = 200;

/** Writes lines of JSON, newest first, a page at a time; a slow reader slows the asking. */
export async function exportLines(
  session: Session,
  what: What,
  options: { readonly limit?: number; readonly out?: string },
): Promise<void> {
  const chain = await openChain(session);
  const { limit = Number.POSITIVE_INFINITY, out } = options;
  const target = out === undefined ? undefined : await openFile(out);
  const write = (line: string): Promise<void> =>
    target === undefined ? writeLine(process.stdout, line) : writeLine(target, line);
  let count = 0;
  for await (const item of listAll(chain, what)) {
    if (count === limit) break;
    await write(JSON.stringify(item));
    count += 1;
    if (count % PAGE_LIMIT === 0) session.output.progress(`${count} ${what}`);
  }
  if (target === undefined) {
    session.output.note(`${count} ${what}`);
    return;
  }
  target.end();
  await once(target, "finish");
  session.output.result({ what, count, file: out }, `${count} ${what} in ${out}`);
}

async function openFile(path: string): Promise<WriteStream> {
  const stream = createWriteStream(path);
  await once(stream, "open");
  return stream;
}

async function writeLine(stream: NodeJS.WritableStream, line: string): Promise<void> {
  if (!stream.write(`${line}\n`)) await once(stream, "drain");
}

async function* listAll({ client }: Chain, what: What): AsyncGenerator<unknown> {
  const lists: Record<What, (page: { cursor?: string; limit: number }) => Promise<Page>> = {
    blocks: (page) => client.listBlocks(page),
    statements: (page) => client.listStatements(page),
    events: (page) => client.listEvents(page),
  };
  for (let cursor: string | undefined; ; ) {
    const page = await lists[what]({ limit: PAGE_LIMIT, ...(cursor === undefined ? {} : { cursor }) });
    yield* page.items;
    cursor = page.next;
    if (cursor === undefined) return;
  }
}
