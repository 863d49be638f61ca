/** Who takes part: eight companies, each with a GS1 company prefix of the range for demonstrations (952). */
export interface VendorProfile {
  readonly name: string;
  readonly prefix: string;
}

export const VENDORS = {
  mine: { name: "Kivu Ridge Mine", prefix: "9521001" },
  smelter: { name: "Baltic Smelting", prefix: "9521002" },
  components: { name: "Halden Components", prefix: "9521003" },
  phones: { name: "Aurora Phones", prefix: "9521004" },
  logistics: { name: "Sea Route Logistics", prefix: "9521005" },
  shop: { name: "Nordlicht Shops", prefix: "9521006" },
  service: { name: "Harbour Telecom", prefix: "9521007" },
  stranger: { name: "Grey Market Imports", prefix: "9521008" },
} as const satisfies Record<string, VendorProfile>;

export type VendorId = keyof typeof VENDORS;
export const VENDOR_IDS = Object.keys(VENDORS) as readonly VendorId[];
