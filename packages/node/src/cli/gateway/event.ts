/** Plain readings as EPCIS events that say who vouches for them: the gateway, not the device. */
import { encodeUtf8 } from "@lhg/protocol/core/bytes";
import type { PlainDevice } from "./config.ts";
import type { PlainReading } from "./readings.ts";

const GS1_CONTEXT = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld";
/** What `lhg:` stands for in documents of gateways. */
const NAMESPACE = "urn:lhg:";

/**
 * One event of what a device sent at once, as JSON text: numbers stand in it as exactly as they came. The same readings make the same
 * event, of which the ledger records one.
 */
export function makeEvent(gateway: string, device: PlainDevice, readings: readonly PlainReading[]): string {
  const latestMs = Math.max(...readings.map(({ timeMs }) => timeMs));
  const head = JSON.stringify({
    type: "ObjectEvent",
    eventTime: formatTime(latestMs),
    eventTimeZoneOffset: "+00:00",
    action: "OBSERVE",
    bizStep: "sensor_reporting",
    epcList: device.items,
    ...(device.readPoint === undefined ? {} : { readPoint: { id: device.readPoint } }),
    "lhg:recordedBy": { "lhg:role": "gateway", "lhg:gateway": gateway, "lhg:deviceSigned": false },
  });
  const times = [...new Set(readings.map(({ timeMs }) => timeMs))].sort((a, b) => a - b);
  const elements = times.map((timeMs) => {
    const metadata = JSON.stringify({ time: formatTime(timeMs), deviceID: device.deviceId });
    const reports = readings
      .filter((reading) => reading.timeMs === timeMs)
      .map((reading) => makeReport(device, reading));
    return `{"sensorMetadata":${metadata},"sensorReport":[${reports.join(",")}]}`;
  });
  return `${head.slice(0, -1)},"sensorElementList":[${elements.join(",")}]}`;
}

function makeReport({ readings }: PlainDevice, { name, text }: PlainReading): string {
  const { type, uom } = readings[name]!;
  const unit = uom === undefined ? "" : `,"uom":${JSON.stringify(uom)}`;
  return `{"type":${JSON.stringify(type)},"value":${text}${unit}}`;
}

/** A document of events, ready to be signed. */
export function makeDocument(events: readonly string[], nowMs: number): Uint8Array {
  const head = JSON.stringify({
    "@context": [GS1_CONTEXT, { lhg: NAMESPACE }],
    type: "EPCISDocument",
    schemaVersion: "2.0",
    creationDate: formatTime(nowMs),
  });
  return encodeUtf8(`${head.slice(0, -1)},"epcisBody":{"eventList":[\n${events.join(",\n")}\n]}}\n`);
}

function formatTime(timeMs: number): string {
  return new Date(timeMs).toISOString();
}
