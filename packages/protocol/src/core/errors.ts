/**
 * The one operational error. `code` is stable and machine-readable (`area.what`, kebab-case), `field`
 * is the path of the offending value (`collection.readings[3].value`), the message is for people.
 */
export class LhgError extends Error {
  readonly code: string;
  readonly field: string;

  constructor(code: string, message: string, field = "") {
    super(field === "" ? message : `${field}: ${message}`);
    this.name = "LhgError";
    this.code = code;
    this.field = field;
  }
}

/** A broken invariant of our own: the node stops, because going on could fork the state. */
export class InvariantError extends Error {
  constructor(message: string) {
    super(`invariant broken: ${message}`);
    this.name = "InvariantError";
  }
}

export function assertInvariant(condition: boolean, message: string): asserts condition {
  if (!condition) throw new InvariantError(message);
}
