/**
 * The registry of replicated statuses: what became of an admitted statement. Numbers are never renumbered
 * and never reused; 0 is success.
 */
export const STATUS = {
  ok: 0,
  "approval.too-few": 3,
  "approval.invalid": 4,
  "approval.version": 5,
  "parameter.unknown": 6,
  "parameter.range": 7,
  "agenda.past": 8,
  "token.insufficient-balance": 20,
  "token.credits-range": 21,
  "validators.unknown": 40,
  "validators.duplicate": 41,
  "validators.empty": 42,
  "validators.power": 43,
  "validators.key": 44,
  "validators.rotation-early": 45,
  "identity.vendor-unknown": 60,
  "identity.vendor-expelled": 62,
  "identity.prefix-taken": 63,
  "identity.prefix-invalid": 64,
  "identity.device-exists": 65,
  "identity.device-unknown": 66,
  "identity.device-proof": 67,
  "identity.capture-key-exists": 69,
  "identity.capture-key-unknown": 70,
  "identity.height-past": 71,
  "identity.device-revoked": 72,
  "groups.unknown": 81,
  "groups.partition-unknown": 82,
  "collection.stream-exists": 100,
  "collection.stream-unknown": 101,
  "collection.pack-invalid": 102,
  "collection.time-relative": 103,
  "trace.event-invalid": 120,
  "trace.prefix-not-owned": 121,
  "trace.cycle": 122,
  "trace.depth": 123,
  "trace.scope": 126,
  "trace.children": 127,
  "attestation.exists": 140,
  "command.not-authorised": 150,
  "command.number": 151,
  "command.expired": 152,
} as const;

export type StatusName = keyof typeof STATUS;

const NAMES: ReadonlyMap<number, StatusName> = new Map(
  (Object.keys(STATUS) as StatusName[]).map((name) => [STATUS[name], name]),
);

export function statusName(status: number): string {
  return NAMES.get(status) ?? `status.${status}`;
}

/** Thrown while a statement executes: its changes are undone, its fee is kept, its outcome bears the status. */
export class StatementFailure extends Error {
  readonly status: StatusName;
  readonly field: string;

  constructor(status: StatusName, message: string, field: string) {
    super(message);
    this.status = status;
    this.field = field;
  }
}

export function failStatement(status: StatusName, message: string, field = ""): never {
  throw new StatementFailure(status, message, field);
}
