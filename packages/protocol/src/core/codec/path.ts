/** A place inside a message: names of fields and indexes of array elements. */
export type Path = (string | number)[];

/** `["collection", "readings", 3, "value"]` -> `collection.readings[3].value` */
export function formatPath(path: Path): string {
  let out = "";
  for (const step of path) {
    if (typeof step === "number") out += `[${step}]`;
    else out += out === "" ? step : `.${step}`;
  }
  return out;
}
