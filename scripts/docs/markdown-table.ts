/** Tables of the pages that are written from definitions. */

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const escaped = rows.map((cells) => cells.map((cell) => escapeMarkdown(cell).replaceAll("|", "\\|")));
  return `${[line(head), line(head.map(() => "---")), ...escaped.map(line)].join("\n")}\n`;
}

/** `<name>` is no tag; inside of code it stands as it is. */
export function escapeMarkdown(text: string): string {
  return text
    .split("`")
    .map((part, index) => (index % 2 === 0 ? part.replaceAll("<", "\\<") : part))
    .join("`");
}
