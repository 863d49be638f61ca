/** Steps of journeys, as a verdict has them, for tests. */
import type { TracedEvent } from "@lhg/sdk/verify/verify-trace";

const START_MS = Date.parse("2026-03-02T08:00:00Z");
const HOUR_MS = 3_600_000;

const MAKER = "11".repeat(20);
export const PHONE = "https://id.gs1.org/01/09506000134352/21/P1";
export const OTHER = "https://id.gs1.org/01/09506000134352/21/P2";
export const LOT = "https://id.gs1.org/01/09506000134352/10/L1";
export const PALLET = "https://id.gs1.org/00/106141410000000019";

type Item = TracedEvent["event"]["items"][number];

interface Told extends Partial<Omit<TracedEvent, "event">> {
  readonly type?: string;
  readonly action?: string | null;
  readonly step?: string;
  readonly disposition?: string;
  readonly place?: string;
}

let told = 0;

export function makeStep(
  hours: number,
  items: readonly (readonly [role: string, identity: string])[],
  options: Told = {},
): TracedEvent {
  const { type = "ObjectEvent", action = "OBSERVE", step, disposition, place, ...rest } = options;
  const listed: Item[] = items.map(([role, identity]) => ({ role, identity }));
  return {
    capture: (++told).toString(16).padStart(64, "0"),
    captor: MAKER,
    depth: 0,
    height: 1,
    recordedMs: START_MS,
    log: "custody",
    isRetracted: false,
    flags: [],
    ...rest,
    event: {
      index: 0,
      type,
      action,
      eventTime: new Date(START_MS + hours * HOUR_MS).toISOString(),
      bizStep: step === undefined ? null : `https://ref.gs1.org/cbv/BizStep-${step}`,
      disposition: disposition === undefined ? null : `https://ref.gs1.org/cbv/Disp-${disposition}`,
      readPoint: place ?? null,
      bizLocation: null,
      hash: "",
      eventId: null,
      items: listed,
    },
  };
}
