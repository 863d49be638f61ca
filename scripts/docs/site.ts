/** The documentation as a site: all pages rendered, their links checked, written to a folder. */
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { ROOT } from "../run-test-files.ts";
import { layOutPage } from "./layout.ts";
import { PAGES } from "./navigation.ts";
import { type PictureSource, type RenderedPage, renderMarkdown } from "./render-markdown.ts";

const DOCS = join(ROOT, "docs");
const STYLE = join(ROOT, "scripts", "docs", "site.css");

export function renderPages(docs = DOCS): Map<string, RenderedPage> {
  const pictures: PictureSource = {
    readDrawing: (path) =>
      existsSync(join(docs, path)) ? readFileSync(join(docs, path), "utf8") : undefined,
    hasImage: (path) => existsSync(join(docs, path)),
  };
  return new Map(
    PAGES.map((page) => {
      const text = readFileSync(join(docs, `${page}.md`), "utf8");
      return [page, renderMarkdown(page, text, pictures)];
    }),
  );
}

/** Links to pages and headings that are not there, and pictures that are missing, one line each. */
export function findBrokenLinks(pages: ReadonlyMap<string, RenderedPage>, docs = DOCS): string[] {
  const broken: string[] = [];
  for (const [name, { links, images }] of pages) {
    for (const { page, anchor } of links) {
      const target = pages.get(page);
      if (target === undefined) broken.push(`${name}: no page ${page}`);
      else if (anchor !== "" && !target.ids.has(anchor)) broken.push(`${name}: no heading ${page}#${anchor}`);
    }
    for (const path of images) if (!existsSync(join(docs, path))) broken.push(`${name}: no picture ${path}`);
  }
  return broken;
}

/** Writes the site, replacing what stood in the folder. */
export function writeSite(target: string): void {
  const pages = renderPages();
  rmSync(target, { recursive: true, force: true });
  for (const page of pages.keys()) {
    const file = join(target, `${page}.html`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, layOutPage(page, pages));
  }
  cpSync(STYLE, join(target, "site.css"));
  const images = new Set([...pages.values()].flatMap((page) => page.images));
  for (const path of images)
    if (!path.endsWith(".svg") && existsSync(join(DOCS, path))) cpSync(join(DOCS, path), join(target, path));
}
