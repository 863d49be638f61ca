/** A first document to capture: things made, packed and shipped. */

export interface Example {
  readonly fileName: string;
  readonly document: string;
  /** An item to trace once the document is captured. */
  readonly item: string;
}

/** `companyPrefix` of 6 to 12 digits, of the vendor that captures. */
export function makeExample(companyPrefix: string): Example {
  const product = "0".padEnd(13 - companyPrefix.length, "1");
  const items = [1, 2, 3].map((serial) => `urn:epc:id:sgtin:${companyPrefix}.${product}.${serial}`);
  const pallet = `urn:epc:id:sscc:${companyPrefix}.${"0".padEnd(17 - companyPrefix.length, "7")}`;
  const place = `urn:epc:id:sgln:${companyPrefix}.${"0".repeat(12 - companyPrefix.length)}.0`;
  const at = (hour: number) => ({
    eventTime: `2026-01-05T${String(hour).padStart(2, "0")}:00:00Z`,
    eventTimeZoneOffset: "+00:00",
    readPoint: { id: place },
  });
  const events = [
    {
      type: "ObjectEvent",
      action: "ADD",
      bizStep: "commissioning",
      disposition: "active",
      ...at(8),
      epcList: items,
    },
    {
      type: "AggregationEvent",
      action: "ADD",
      bizStep: "packing",
      ...at(10),
      parentID: pallet,
      childEPCs: items,
    },
    {
      type: "ObjectEvent",
      action: "OBSERVE",
      bizStep: "shipping",
      disposition: "in_transit",
      ...at(14),
      epcList: [pallet],
    },
  ];
  const document = {
    "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"],
    type: "EPCISDocument",
    schemaVersion: "2.0",
    creationDate: "2026-01-05T15:00:00Z",
    epcisBody: { eventList: events },
  };
  return {
    fileName: "example.jsonld",
    document: `${JSON.stringify(document, undefined, 2)}\n`,
    item: items[0]!,
  };
}
