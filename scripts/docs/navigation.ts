/** Every page of the documentation in reading order; a test compares this with the files. */
export interface Chapter {
  readonly title: string;
  /** Paths below `docs`, without `.md`. */
  readonly pages: readonly string[];
}

export const CHAPTERS: readonly Chapter[] = [
  { title: "Begin", pages: ["index"] },
  {
    title: "Getting started",
    pages: ["vendor", "device", "consumer", "operator", "developer", "auditor"].map(
      (name) => `getting-started/${name}`,
    ),
  },
  {
    title: "Concepts",
    pages: ["ledger", "events", "collections", "proofs", "trust"].map((name) => `concepts/${name}`),
  },
  {
    title: "Reference",
    pages: [
      "api",
      "cli",
      "configuration",
      "devices",
      "operating",
      "engines",
      "security",
      "glossary",
      "spec/formats",
      "spec/view-change",
    ],
  },
];

export const PAGES: readonly string[] = CHAPTERS.flatMap(({ pages }) => pages);
