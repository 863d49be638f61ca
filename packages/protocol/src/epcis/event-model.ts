/** What the ledger reads out of an EPCIS event, in canonical form. */
import type { Decimal } from "../core/decimal.ts";
import type { Identity } from "./identity.ts";
import type { SensorReport } from "./sensor.ts";

export type EventType =
  | "ObjectEvent"
  | "AggregationEvent"
  | "TransactionEvent"
  | "TransformationEvent"
  | "AssociationEvent";

export type EventAction = "ADD" | "OBSERVE" | "DELETE";

export type ItemRole = "epc" | "parent" | "child" | "input" | "output";

export interface Quantity {
  readonly value: Decimal;
  /** UN/CEFACT Recommendation 20 code; "" where the quantity counts pieces. */
  readonly uom: string;
}

export interface ItemReference extends Identity {
  readonly role: ItemRole;
  /** Of a class or lot with a stated quantity only. */
  readonly quantity?: Quantity;
}

/** An identity with the full URI of what it is to the event. */
export interface TypedIdentity {
  readonly type?: string;
  readonly identity: Identity;
}

export interface ErrorDeclaration {
  /** Milliseconds since 1970, as claimed. */
  readonly declarationTimeMs: number;
  /** Full URI. */
  readonly reason?: string;
  readonly correctiveEventIds: readonly string[];
}

export interface EpcisEvent {
  readonly type: EventType;
  /** Absent of TransformationEvents only. */
  readonly action?: EventAction;
  /** Milliseconds since 1970, as claimed. */
  readonly eventTimeMs: number;
  readonly eventTimeZoneOffset: string;
  /** As written: an alias of the ledger's own event id. */
  readonly eventId?: string;
  /** bizStep and dispositions are full URIs. */
  readonly bizStep?: string;
  readonly disposition?: string;
  readonly persistentDisposition?: { readonly set: readonly string[]; readonly unset: readonly string[] };
  readonly readPoint?: Identity;
  readonly bizLocation?: Identity;
  readonly transformationId?: Identity;
  /** In document order. */
  readonly items: readonly ItemReference[];
  readonly bizTransactions: readonly TypedIdentity[];
  readonly sources: readonly TypedIdentity[];
  readonly destinations: readonly TypedIdentity[];
  readonly certificationInfo: readonly string[];
  readonly errorDeclaration?: ErrorDeclaration;
  readonly sensorReports: readonly SensorReport[];
}
