import { element } from "./dom.ts";

/** To the minute; the exact time for whoever points at it. */
export function showTime(ms: number): HTMLElement {
  const date = new Date(ms);
  if (Number.isNaN(date.getTime())) return element("span", {}, `${ms} ms`);
  return element(
    "time",
    { datetime: date.toISOString(), title: date.toISOString() },
    date.toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }),
  );
}
