/** The standard values of CBV 2.0 and the GS1 Web Vocabulary that events write as bare words. */
import { LhgError } from "../core/errors.ts";
import type { JsonNode } from "../core/json.ts";
import { expandCurie } from "./context.ts";
import { expectText } from "./fields.ts";
import { isUri } from "./text.ts";

export interface Vocabulary {
  /** What a bare word is appended to. */
  readonly base: string;
  readonly names: ReadonlySet<string>;
  /** Namespaces whose values must be written as bare words, so that no value has two spellings. */
  readonly refused: RegExp;
}

const CBV_NAMESPACES = /^(?:urn:epcglobal:cbv|https?:\/\/ns\.gs1\.org\/cbv\/)/;
const WEB_VOCABULARY_NAMESPACES = /^https?:\/\/(?:www\.)?gs1\.org\/voc\//;

function cbv(kind: string, names: string): Vocabulary {
  return { base: `https://ref.gs1.org/cbv/${kind}-`, names: words(names), refused: CBV_NAMESPACES };
}

function webVocabulary(names: string): Vocabulary {
  return { base: "https://gs1.org/voc/", names: words(names), refused: WEB_VOCABULARY_NAMESPACES };
}

function words(names: string): ReadonlySet<string> {
  return new Set(names.trim().split(/\s+/));
}

export const BIZ_STEPS = cbv(
  "BizStep",
  `accepting arriving assembling collecting commissioning consigning creating_class_instance cycle_counting
   decommissioning departing destroying disassembling dispensing encoding entering_exiting holding inspecting
   installing killing loading other packing picking receiving removing repackaging repairing replacing reserving
   retail_selling sampling sensor_reporting shipping staging_outbound stock_taking stocking storing transporting
   unloading unpacking void_shipping`,
);

export const DISPOSITIONS = cbv(
  "Disp",
  `active available completeness_inferred completeness_verified conformant container_closed container_open damaged
   destroyed dispensed disposed encoded expired in_progress in_transit inactive mismatch_class mismatch_instance
   mismatch_quantity needs_replacement no_pedigree_match non_conformant non_sellable_other partially_dispensed
   recalled reserved retail_sold returned sellable_accessible sellable_not_accessible stolen unavailable unknown`,
);

export const BIZ_TRANSACTION_TYPES = cbv(
  "BTT",
  "bol cert desadv inv pedigree po poc prodorder recadv rma testprd testres upevt",
);

export const SOURCE_DESTINATION_TYPES = cbv("SDT", "location owning_party possessing_party");

export const ERROR_REASONS = cbv("ER", "did_not_occur incorrect_data");

export const COMPONENTS = cbv(
  "Comp",
  `altitude axial_distance azimuth easting elevation_angle height latitude longitude northing polar_angle
   spherical_radius x y z`,
);

export const MEASUREMENT_TYPES = webVocabulary(
  `AbsoluteHumidity AbsorbedDose AbsorbedDoseRate Acceleration Altitude AmountOfSubstance
   AmountOfSubstancePerUnitVolume Angle AngularAcceleration AngularMomentum AngularVelocity Area Capacitance
   Conductance Conductivity Count Density Dimensionless DoseEquivalent DoseEquivalentRate DynamicViscosity
   ElectricCharge ElectricCurrent ElectricCurrentDensity ElectricFieldStrength Energy Exposure Force Frequency
   Illuminance Inductance Irradiance KinematicViscosity Length LinearMomentum Luminance LuminousFlux
   LuminousIntensity MagneticFlux MagneticFluxDensity MagneticVectorPotential Mass MassConcentration MassFlowRate
   MassPerAreaTime MemoryCapacity MolalityOfSolute MolarEnergy MolarMass MolarVolume Power Pressure RadiantFlux
   RadiantIntensity Radioactivity RelativeHumidity Resistance Resistivity SolidAngle SpecificVolume Speed
   SurfaceDensity SurfaceTension Temperature Time Torque Voltage Volume VolumeFlowRate VolumeFraction
   VolumetricFlux Wavenumber`,
);

export const SENSOR_ALERTS = webVocabulary("ALARM_CONDITION ERROR_CONDITION");

/** Bare word to full URI; any other text unchanged. */
export function expandTerm(vocabulary: Vocabulary, text: string): string {
  return vocabulary.names.has(text) ? vocabulary.base + text : text;
}

const MAX_TERM_LENGTH = 1024;

/** A standard value as a bare word, or a URI of anyone's: the result is the full URI. Throws `epcis.term`. */
export function readTerm(
  vocabulary: Vocabulary,
  node: JsonNode,
  path: string,
  prefixes: ReadonlyMap<string, string>,
): string {
  const text = expectText(node, path);
  if (vocabulary.names.has(text)) return expandTerm(vocabulary, text);
  if (text.length > MAX_TERM_LENGTH || !isUri(text) || vocabulary.refused.test(text))
    throw new LhgError(
      "epcis.term",
      "must be a standard value as a bare word, or a URI of another vocabulary",
      path,
    );
  return expandCurie(text, prefixes);
}

const CBV_URNS: readonly (readonly [urn: string, uri: string])[] = [
  ["urn:epcglobal:cbv:bizstep:", BIZ_STEPS.base],
  ["urn:epcglobal:cbv:disp:", DISPOSITIONS.base],
  ["urn:epcglobal:cbv:btt:", BIZ_TRANSACTION_TYPES.base],
  ["urn:epcglobal:cbv:sdt:", SOURCE_DESTINATION_TYPES.base],
  ["urn:epcglobal:cbv:er:", ERROR_REASONS.base],
];

/** A vocabulary URN of CBV 1.x as the web URI of CBV 2.0; any other text unchanged. */
export function upgradeCbvUrn(text: string): string {
  for (const [urn, uri] of CBV_URNS) if (text.startsWith(urn)) return uri + text.slice(urn.length);
  return text;
}
