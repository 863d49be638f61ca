import { addToAgenda, takeDue } from "../../core/agenda.ts";
import type { CborValue } from "../../core/codec/cbor.ts";
import {
  array,
  decode,
  encode,
  type Infer,
  record,
  text,
  uint,
  uint64,
} from "../../core/codec/definition.ts";
import { assertInvariant } from "../../core/errors.ts";
import type { BlockContext, MessageContext, Module } from "../../core/module.ts";
import {
  findUnsoundParameter,
  getParameters,
  type ParameterName,
  type Parameters,
  setParameters,
} from "../../core/parameters.ts";
import type { StateReader } from "../../core/state/overlay.ts";
import { BASE } from "../../core/state/partition.ts";
import { defineTable } from "../../core/state/table.ts";
import { failStatement } from "../../core/status.ts";
import { CHAIN_MODULE, type chainMessages, type ScheduleUpgrade } from "./messages.ts";

const NOTICE_PARAMETER = 1;
const NOTICE_UPGRADE = 2;
const AGENDA_SET_PARAMETER = 1;

const versions = defineTable<[], { version: number }>(
  "parameter version",
  CHAIN_MODULE,
  1,
  record(1, { version: uint() }),
);
const beacons = defineTable<[], { round: number }>(
  "beacon slot",
  CHAIN_MODULE,
  2,
  record(1, { round: uint() }),
);
/** Protocol versions by the height from which they rule, ascending; at most the present one and the next. */
const upgradesRecord = record(1, {
  versions: array(record(undefined, { fromHeight: uint(), protocolVersion: uint(0xffff) }), {
    min: 1,
    max: 2,
  }),
});
const upgrades = defineTable<[], Infer<typeof upgradesRecord>>(
  "protocol versions",
  CHAIN_MODULE,
  3,
  upgradesRecord,
);

/** The protocol version that rules a height not below the last executed one. */
export function getProtocolVersionAt(state: StateReader, height: number): number {
  const found = upgrades.get(state, BASE)?.versions.findLast((entry) => entry.fromHeight <= height);
  assertInvariant(found !== undefined, "the state has no protocol version");
  return found.protocolVersion;
}

const scheduledChange = record(1, { name: text({ min: 1, max: 64 }), value: uint64 });

export function getParameterVersion(state: StateReader): number {
  return versions.get(state, BASE)?.version ?? 0;
}

/** The parameters with one replaced; undefined where the name or value is none. */
export function withParameter(
  current: Parameters,
  { name, value }: Infer<typeof scheduledChange>,
): Parameters | undefined {
  if (!Object.hasOwn(current, name)) return undefined;
  const held = current[name as ParameterName];
  const next = { ...current, [name]: typeof held === "bigint" ? value : Number(value) };
  return findUnsoundParameter(next) === undefined ? next : undefined;
}

export interface ChainNeeds {
  requireApprovals(
    context: MessageContext,
    action: string,
    body: CborValue,
    approvals: readonly Uint8Array[],
  ): void;
}

function scheduleUpgrade(context: MessageContext, body: ScheduleUpgrade, needs: ChainNeeds): void {
  const { protocolVersion, fromHeight, version, approvals } = body;
  if (version !== getParameterVersion(context.state))
    failStatement("approval.version", "parameters have changed since", "version");
  needs.requireApprovals(
    context,
    "chain.schedule-upgrade",
    [protocolVersion, fromHeight, version],
    approvals,
  );
  const present = getProtocolVersionAt(context.state, context.height);
  if (protocolVersion !== present + 1)
    failStatement("parameter.range", `must be ${present + 1}, the version after this one`, "protocolVersion");
  // The headers of the next two heights may be under way.
  if (fromHeight < context.height + 2)
    failStatement("agenda.past", "must be at least two heights ahead", "fromHeight");
  versions.set(context.state, BASE, { version: version + 1 });
  upgrades.set(context.state, BASE, {
    versions: [
      { fromHeight: 0, protocolVersion: present },
      { fromHeight, protocolVersion },
    ],
  });
  context.emit(CHAIN_MODULE, NOTICE_UPGRADE, protocolVersion, fromHeight);
}

/** At most this many due actions run in one block; the rest run in the next. */
const DUE_PER_BLOCK_MAX = 1_000;

function runDue(context: BlockContext): void {
  for (let i = 0; i < DUE_PER_BLOCK_MAX; i++) {
    const due = takeDue(context.state, context.timeMs);
    if (due === undefined) return;
    if (due.module !== CHAIN_MODULE || due.kind !== AGENDA_SET_PARAMETER) continue;
    const next = withParameter(getParameters(context.state), decode(scheduledChange, due.payload, "agenda"));
    if (next !== undefined) setParameters(context.state, next);
  }
}

export function createChain(needs: ChainNeeds): Module<typeof chainMessages> {
  return {
    name: "chain",
    id: CHAIN_MODULE,
    initGenesis: ({ state }, genesis) => {
      setParameters(state, genesis.parameters);
      beacons.set(state, BASE, { round: 0 });
      upgrades.set(state, BASE, { versions: [{ fromHeight: 0, protocolVersion: genesis.protocolVersion }] });
    },
    beginBlock: runDue,
    handlers: {
      "chain.tick": () => {},
      "chain.schedule-upgrade": (context, body) => scheduleUpgrade(context, body, needs),
      "chain.set-parameter": (context, { name, value, activateAtMs, version, approvals }) => {
        if (version !== getParameterVersion(context.state))
          failStatement("approval.version", "parameters have changed since", "version");
        needs.requireApprovals(
          context,
          "chain.set-parameter",
          [name, value, activateAtMs, version],
          approvals,
        );
        if (!Object.hasOwn(context.parameters, name))
          failStatement("parameter.unknown", "is no parameter", "name");
        if (withParameter(context.parameters, { name, value }) === undefined)
          failStatement("parameter.range", "is out of range", "value");
        versions.set(context.state, BASE, { version: version + 1 });
        addToAgenda(context.state, {
          dueMs: activateAtMs,
          module: CHAIN_MODULE,
          kind: AGENDA_SET_PARAMETER,
          payload: encode(scheduledChange, { name, value }),
        });
        context.emit(CHAIN_MODULE, NOTICE_PARAMETER, name, value.toString(), activateAtMs);
      },
    },
  };
}
