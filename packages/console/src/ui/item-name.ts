/** Identities of items as people say them. */

const KEYS: Readonly<Record<string, string>> = {
  "00": "SSCC",
  "01": "GTIN",
  "253": "GDTI",
  "254": "GLN ext.",
  "255": "GCN",
  "401": "GINC",
  "402": "GSIN",
  "414": "GLN",
  "417": "Party GLN",
  "8003": "GRAI",
  "8004": "GIAI",
  "8006": "ITIP",
  "8010": "CPID",
  "8017": "GSRN provider",
  "8018": "GSRN",
  "10": "lot",
  "21": "serial",
  "22": "CPV",
  "235": "TPX",
  "8011": "serial",
};

const CANONICAL = "https://id.gs1.org/";

/** `GTIN 00012345111112 · serial 1` of a canonical Digital Link; any other URI as it is. */
export function nameItem(identity: string): string {
  if (!identity.startsWith(CANONICAL)) return identity;
  const parts = identity.slice(CANONICAL.length).split("/");
  const names: string[] = [];
  for (let i = 0; i + 1 < parts.length; i += 2) {
    const key = KEYS[parts[i]!];
    if (key === undefined) return identity;
    names.push(`${key} ${decodePart(parts[i + 1]!)}`);
  }
  return parts.length % 2 === 0 ? names.join(" · ") : identity;
}

function decodePart(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
