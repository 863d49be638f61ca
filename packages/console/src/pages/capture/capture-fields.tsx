/** Fields of the capture form: a label, the field, and what is wrong with it right below. */
import type { Vendor } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import { type ReactNode, useState } from "react";
import { client } from "../../node/client.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { readCode } from "../scan/read-code.ts";
import { Scanner } from "../scan/scanner.tsx";
import type { Draft, DraftField } from "./draft.ts";
import { findParty } from "./party.ts";

export interface FormState {
  readonly draft: Draft;
  readonly problems: Partial<Record<DraftField | "document", string>>;
  readonly change: (next: Partial<Draft>) => void;
}

/** Joins a field with its label, hint and problem, as screen readers need it. */
export function Field({
  name,
  label,
  hint,
  problem,
  children,
}: {
  name: string;
  label: string;
  hint?: string;
  problem: string | undefined;
  children: (attributes: { id: string; "aria-invalid": boolean; "aria-describedby": string }) => ReactNode;
}): ReactNode {
  const id = `capture-${name}`;
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, "aria-invalid": problem !== undefined, "aria-describedby": `${id}-note` })}
      <div id={`${id}-note`}>
        {problem === undefined ? null : (
          <p className="field-error">
            <bdi>{problem}</bdi>
          </p>
        )}
        {hint === undefined ? null : <p className="muted small">{hint}</p>}
      </div>
    </div>
  );
}

/** Keys by typing, by pasting many, or by the camera one after the other. */
export function ItemsField({
  name,
  form,
  hint,
}: {
  name: "items" | "outputs";
  form: FormState;
  hint?: string;
}): ReactNode {
  const { capture } = useStrings();
  const [isScanning, setScanning] = useState(false);
  const { draft, problems, change } = form;
  const value = draft[name];
  const count = value.split("\n").filter((line) => line.trim() !== "").length;
  const add = (text: string): void => {
    const code = readCode(text);
    const id = "id" in code ? code.id : text;
    const lines = value.split("\n").filter((line) => line.trim() !== "");
    change({ [name]: [...lines.filter((line) => line !== id), id].join("\n") });
  };
  return (
    <>
      <Field
        name={name}
        label={capture.fields[name]}
        hint={hint ?? capture.hints.items}
        problem={problems[name]}
      >
        {(attributes) => (
          <textarea
            {...attributes}
            rows={Math.min(8, Math.max(3, count + 1))}
            value={value}
            spellCheck={false}
            autoCapitalize="off"
            placeholder={capture.itemsPlaceholder}
            onChange={(event) => change({ [name]: event.target.value })}
          />
        )}
      </Field>
      <p className="row">
        <Button onClick={() => setScanning(!isScanning)} aria-expanded={isScanning}>
          {isScanning ? capture.stopScanning : capture.scan}
        </Button>
        {count === 0 ? null : <span className="muted small">{capture.counted(count)}</span>}
      </p>
      {isScanning ? <Scanner onText={add} /> : null}
    </>
  );
}

const EVENTS_LOOKED_AT = 100;
const PLACES_OFFERED_MAX = 20;

/** Places that this vendor's newest events name. */
function usePlaces(vendor: string | undefined): readonly string[] {
  const { data } = useQuery({
    queryKey: ["places", vendor],
    queryFn: () => client.listEvents({ vendor: vendor!, limit: EVENTS_LOOKED_AT }),
    enabled: vendor !== undefined,
    staleTime: 30_000,
  });
  const named = (data?.items ?? []).flatMap(({ readPoint, bizLocation }) => [readPoint, bizLocation]);
  return [...new Set(named.filter((place) => place !== undefined))].slice(0, PLACES_OFFERED_MAX);
}

export function PlaceField({ form, vendor }: { form: FormState; vendor: string | undefined }): ReactNode {
  const { capture } = useStrings();
  const places = usePlaces(vendor);
  const { draft, problems, change } = form;
  return (
    <Field name="place" label={capture.fields.place} hint={capture.hints.place} problem={problems.place}>
      {(attributes) => (
        <>
          <input
            {...attributes}
            value={draft.place}
            list="capture-places"
            maxLength={1024}
            autoComplete="off"
            autoCapitalize="off"
            spellCheck={false}
            onChange={(event) => change({ place: event.target.value })}
          />
          <datalist id="capture-places">
            {places.map((place) => (
              <option key={place} value={place} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}

/** The vendor that is to have the things; its party is looked up and may be changed. */
export function PartnerField({ form, vendor }: { form: FormState; vendor: string | undefined }): ReactNode {
  const { capture } = useStrings();
  const { draft, problems, change } = form;
  const [lookup, setLookup] = useState<string>();
  const { data } = useQuery({
    queryKey: ["vendors"],
    queryFn: () => client.listVendors({ limit: 200 }),
    staleTime: 30_000,
  });
  const partners = (data?.items ?? []).filter(
    (other) => other.vendor !== vendor && other.standing === "admitted",
  );
  const choose = async (partner: Vendor | undefined): Promise<void> => {
    change({ partner: partner?.vendor ?? "", party: "" });
    setLookup(undefined);
    if (partner === undefined) return;
    try {
      change({ party: await findParty(partner) });
    } catch (error) {
      setLookup((error as Error).message);
    }
  };
  return (
    <>
      <Field
        name="partner"
        label={capture.fields.partner}
        hint={capture.hints.partner}
        problem={problems.partner ?? lookup}
      >
        {(attributes) => (
          <select
            {...attributes}
            value={draft.partner}
            onChange={(event) => choose(partners.find((partner) => partner.vendor === event.target.value))}
          >
            <option value="">{capture.choosePartner}</option>
            {partners.map((partner) => (
              <option key={partner.vendor} value={partner.vendor}>
                {partner.name.slice(0, 80)}
              </option>
            ))}
          </select>
        )}
      </Field>
      <details>
        <summary>{capture.partyDetails}</summary>
        <Field name="party" label={capture.fields.party} hint={capture.hints.party} problem={problems.party}>
          {(attributes) => (
            <input
              {...attributes}
              value={draft.party}
              maxLength={1024}
              autoCapitalize="off"
              spellCheck={false}
              onChange={(event) => change({ party: event.target.value })}
            />
          )}
        </Field>
      </details>
    </>
  );
}
