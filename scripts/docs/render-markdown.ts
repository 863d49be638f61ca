/** One page of markdown as HTML without scripts, inline styles and whatever raw HTML stood in it. */
import { posix } from "node:path";
import { Marked, type Tokens } from "marked";

export interface Section {
  readonly id: string;
  readonly text: string;
}

export interface PageLink {
  /** Path of a page below `docs`, without `.md`. */
  readonly page: string;
  readonly anchor: string;
}

export interface RenderedPage {
  readonly title: string;
  readonly html: string;
  /** Headings of the second level. */
  readonly sections: readonly Section[];
  readonly ids: ReadonlySet<string>;
  readonly links: readonly PageLink[];
  /** Pictures and screenshots by path below `docs`. */
  readonly images: readonly string[];
}

export interface PictureSource {
  /** An SVG of our own, put into the page so that it takes the page's colours; undefined where it is missing. */
  readDrawing(path: string): string | undefined;
  hasImage(path: string): boolean;
}

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

/** As GitHub names headings, so that links work there and here. */
function slugOf(text: string): string {
  return text
    .trim()
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, "")
    .replace(/\s/g, "-");
}

export function renderMarkdown(page: string, text: string, pictures: PictureSource): RenderedPage {
  const sections: Section[] = [];
  const ids = new Set<string>();
  const links: PageLink[] = [];
  const images: string[] = [];
  let title = "";
  const folder = posix.dirname(page);
  const nameHeading = (plain: string): string => {
    const slug = slugOf(plain);
    let id = slug;
    for (let count = 1; ids.has(id); count += 1) id = `${slug}-${count}`;
    ids.add(id);
    return id;
  };
  const marked = new Marked({
    // A bare address is an example, not a link.
    tokenizer: { url: () => undefined },
    renderer: {
      heading({ tokens, depth }: Tokens.Heading): string {
        const inner = this.parser.parseInline(tokens);
        const plain = this.parser.parseInline(tokens, this.parser.textRenderer);
        const id = nameHeading(plain);
        if (depth === 1) title ||= plain;
        if (depth === 2) sections.push({ id, text: plain });
        const anchor = depth === 1 ? "" : ` <a class="anchor" href="#${id}" aria-label="Link to here">#</a>`;
        return `<h${depth} id="${id}">${inner}${anchor}</h${depth}>\n`;
      },
      html({ text: raw }: Tokens.HTML | Tokens.Tag): string {
        return raw.startsWith("<!--") ? "" : escapeHtml(raw);
      },
      code({ text: code, lang }: Tokens.Code): string {
        const label = lang === undefined || lang === "" ? "Example" : `Example, ${lang}`;
        return `<pre tabindex="0" role="group" aria-label="${escapeHtml(label)}"><code>${escapeHtml(code)}\n</code></pre>\n`;
      },
      link({ href, tokens }: Tokens.Link): string {
        const inner = this.parser.parseInline(tokens);
        if (/^https:\/\//.test(href)) return `<a href="${escapeHtml(href)}" rel="noopener">${inner}</a>`;
        const [path = "", anchor = ""] = href.split("#", 2);
        const target = path === "" ? page : posix.join(folder, path).replace(/\.md$/, "");
        if (path !== "" && (!path.endsWith(".md") || target.startsWith("../")))
          return `${inner} (<code>${escapeHtml(target.replace(/^(?:\.\.\/)+/, ""))}${path.endsWith(".md") ? ".md" : ""}</code> in the repository)`;
        links.push({ page: target, anchor });
        const address = path === "" ? "" : path.replace(/\.md$/, ".html");
        return `<a href="${escapeHtml(`${address}${anchor === "" ? "" : `#${anchor}`}`)}">${inner}</a>`;
      },
      image({ href, text: description }: Tokens.Image): string {
        const path = posix.join(folder, href);
        images.push(path);
        if (path.endsWith(".svg")) return renderDrawing(pictures.readDrawing(path), description);
        if (!pictures.hasImage(path)) return "";
        const alt = escapeHtml(description);
        return `<figure class="screenshot"><a href="${escapeHtml(href)}"><img src="${escapeHtml(href)}" alt="${alt}" loading="lazy"></a><figcaption>${alt}</figcaption></figure>`;
      },
    },
  });
  const html = (marked.parse(text, { async: false }) as string)
    .replaceAll("<table>", '<div class="scroll" tabindex="0" role="group" aria-label="Table"><table>')
    .replaceAll("</table>", "</table></div>")
    // A figure is no part of a paragraph.
    .replaceAll(/<p>((?:<figure[\s\S]*?<\/figure>\s*)*)<\/p>/g, "$1");
  return { title, html, sections, ids, links, images };
}

/** The first paragraph of a description is its name for those who do not see it. */
function renderDrawing(svg: string | undefined, description: string): string {
  if (svg === undefined) return "";
  const label = escapeHtml(description);
  const drawing = svg.replace("<svg ", `<svg role="img" aria-label="${label}" `).trim();
  return `<figure class="drawing">${drawing}<figcaption>${label}</figcaption></figure>`;
}
