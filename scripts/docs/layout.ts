import { posix } from "node:path";
import { CHAPTERS, PAGES } from "./navigation.ts";
import { escapeHtml, type RenderedPage } from "./render-markdown.ts";

/** The whole HTML of a page. Links are relative, so that the site works from a disk and below any path. */
export function layOutPage(page: string, pages: ReadonlyMap<string, RenderedPage>): string {
  const rendered = pages.get(page)!;
  const linkTo = (path: string): string => posix.relative(posix.dirname(page), path);
  const title = page === "index" ? rendered.title : `${rendered.title} - LHG`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(decode(title))}</title>
<link rel="stylesheet" href="${linkTo("site.css")}">
</head>
<body>
<a class="skip" href="#content">Skip to the text</a>
<header class="top"><a class="brand" href="${linkTo("index.html")}">LHG <span>documentation</span></a><a class="contents" href="#contents">Contents</a></header>
<div class="columns">
<main id="content" tabindex="-1">
${rendered.html}
${renderNeighbours(page, pages, linkTo)}
</main>
<nav id="contents" aria-label="Contents">
${CHAPTERS.map(({ title: chapter, pages: members }) => `<h2>${chapter}</h2>\n<ul>\n${members.map((member) => renderEntry(member, page, pages, linkTo)).join("")}</ul>`).join("\n")}
</nav>
</div>
</body>
</html>
`;
}

type LinkTo = (path: string) => string;

function renderEntry(
  member: string,
  current: string,
  pages: ReadonlyMap<string, RenderedPage>,
  linkTo: LinkTo,
): string {
  const { title, sections } = pages.get(member)!;
  const isCurrent = member === current;
  const mark = isCurrent ? ' aria-current="page"' : "";
  const inner = isCurrent && sections.length > 1 ? sections : [];
  const list = inner.map(({ id, text }) => `<li><a href="#${id}">${text}</a></li>\n`).join("");
  return `<li><a href="${linkTo(`${member}.html`)}"${mark}>${title}</a>${list === "" ? "" : `\n<ul>\n${list}</ul>`}</li>\n`;
}

function renderNeighbours(page: string, pages: ReadonlyMap<string, RenderedPage>, linkTo: LinkTo): string {
  const at = PAGES.indexOf(page);
  const link = (other: string | undefined, kind: string, word: string): string =>
    other === undefined
      ? ""
      : `<a class="${kind}" href="${linkTo(`${other}.html`)}"><span>${word}</span> ${pages.get(other)!.title}</a>`;
  return `<nav class="neighbours" aria-label="Neighbours">${link(PAGES[at - 1], "before", "Before")}${link(PAGES[at + 1], "next", "Next")}</nav>`;
}

/** Titles of rendered pages are escaped already. */
function decode(text: string): string {
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}
