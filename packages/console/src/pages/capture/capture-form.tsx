/** What happened, to what, where and when. */
import { BIZ_STEPS, DISPOSITIONS } from "@lhg/protocol/epcis/vocabulary";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { RULES } from "./build-document.ts";
import { Field, type FormState, ItemsField, PartnerField, PlaceField } from "./capture-fields.tsx";
import { type DraftField, HAPPENINGS } from "./draft.ts";

const RESULTS = ["conformant", "non_conformant", "damaged", "recalled"] as const;
const ACTIONS = ["ADD", "OBSERVE", "DELETE"] as const;

export function CaptureForm({ form, vendor }: { form: FormState; vendor: string | undefined }): ReactNode {
  const { capture } = useStrings();
  const { draft, change, problems } = form;
  const rule = RULES[draft.happening];
  const has = (field: DraftField): boolean => rule.fields.includes(field);
  return (
    <div className="stack">
      <fieldset className="happenings">
        <legend>{capture.whatHappened}</legend>
        {HAPPENINGS.map((happening) => (
          <label key={happening} className={happening === draft.happening ? "chosen" : undefined}>
            <input
              type="radio"
              name="happening"
              value={happening}
              checked={happening === draft.happening}
              onChange={() => change({ happening })}
            />
            {capture.happenings[happening]}
          </label>
        ))}
      </fieldset>
      <p className="muted small">{capture.happeningHints[draft.happening]}</p>
      {has("action") ? (
        <SelectField
          name="action"
          form={form}
          options={ACTIONS.map((action) => [action, capture.actions[action]])}
        />
      ) : null}
      {has("bizStep") ? <TermField name="bizStep" form={form} terms={BIZ_STEPS.names} /> : null}
      {has("disposition") ? <TermField name="disposition" form={form} terms={DISPOSITIONS.names} /> : null}
      <ItemsField
        name="items"
        form={form}
        {...(rule.mayBeEmpty === true ? { hint: capture.hints.allItems } : {})}
      />
      {has("outputs") ? <ItemsField name="outputs" form={form} /> : null}
      {has("container") ? (
        <Field
          name="container"
          label={capture.fields.container}
          hint={capture.hints.container}
          problem={problems.container}
        >
          {(attributes) => (
            <input
              {...attributes}
              value={draft.container}
              maxLength={1024}
              autoComplete="off"
              autoCapitalize="off"
              spellCheck={false}
              onChange={(event) => change({ container: event.target.value })}
            />
          )}
        </Field>
      ) : null}
      {has("result") ? (
        <SelectField
          name="result"
          form={form}
          options={RESULTS.map((result) => [result, capture.results[result]])}
        />
      ) : null}
      {has("partner") ? <PartnerField form={form} vendor={vendor} /> : null}
      <PlaceField form={form} vendor={vendor} />
      <Field name="time" label={capture.fields.time} hint={capture.hints.time} problem={problems.time}>
        {(attributes) => (
          <input
            {...attributes}
            type="datetime-local"
            step={1}
            value={draft.time}
            onChange={(event) => change({ time: event.target.value })}
          />
        )}
      </Field>
    </div>
  );
}

function SelectField({
  name,
  form: { draft, change, problems },
  options,
}: {
  name: "action" | "result";
  form: FormState;
  options: readonly (readonly [value: string, label: string])[];
}): ReactNode {
  const { capture } = useStrings();
  return (
    <Field name={name} label={capture.fields[name]} problem={problems[name]}>
      {(attributes) => (
        <select
          {...attributes}
          value={draft[name]}
          onChange={(event) => change({ [name]: event.target.value })}
        >
          {options.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
      )}
    </Field>
  );
}

/** A word of the CBV, or a URI of another vocabulary. */
function TermField({
  name,
  form: { draft, change, problems },
  terms,
}: {
  name: "bizStep" | "disposition";
  form: FormState;
  terms: ReadonlySet<string>;
}): ReactNode {
  const { capture } = useStrings();
  return (
    <Field name={name} label={capture.fields[name]} hint={capture.hints.term} problem={problems[name]}>
      {(attributes) => (
        <>
          <input
            {...attributes}
            value={draft[name]}
            list={`capture-terms-${name}`}
            maxLength={1024}
            autoCapitalize="off"
            spellCheck={false}
            onChange={(event) => change({ [name]: event.target.value })}
          />
          <datalist id={`capture-terms-${name}`}>
            {[...terms].map((term) => (
              <option key={term} value={term} />
            ))}
          </datalist>
        </>
      )}
    </Field>
  );
}
