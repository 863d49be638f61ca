/** A vendor's clerk says what happened, signs it, and sees it become provable. */
import { LhgError } from "@lhg/protocol/core/errors";
import type { Vendor } from "@lhg/sdk/client/types";
import { useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { client } from "../../node/client.ts";
import { useUnsent } from "../../signing/outbox.ts";
import { type BrowserSigner, useSigners } from "../../signing/signer.ts";
import { SignerChooser } from "../../signing/signer-chooser.tsx";
import { UnsentList } from "../../signing/unsent-list.tsx";
import { useSendError } from "../../signing/use-send-error.ts";
import { useStrings } from "../../strings/strings.tsx";
import { Button } from "../../ui/button.tsx";
import { PageHead } from "../../ui/page.tsx";
import { Panel } from "../../ui/panel.tsx";
import { buildDocument, fieldOfPath, type Problems } from "./build-document.ts";
import "./capture.css";
import { CaptureFile } from "./capture-file.tsx";
import { CaptureForm } from "./capture-form.tsx";
import { CaptureResult, type Sent } from "./capture-result.tsx";
import { type Draft, EMPTY_DRAFT, recallDraft, rememberDraft } from "./draft.ts";
import { NewestCaptures } from "./newest-captures.tsx";
import { Preview } from "./preview.tsx";
import { findForeignKey, sendCapture } from "./send-capture.ts";
import { SendFailure } from "./send-failure.tsx";

export default function Capture(): ReactNode {
  const { capture, sections } = useStrings();
  const { chosen } = useSigners();
  const [vendorFor, setVendorFor] = useState("");
  const [sent, setSent] = useState<Sent>();
  const account = chosen === undefined ? undefined : vendorFor === "" ? chosen.account : vendorFor;
  const vendor = useQuery({
    queryKey: ["vendor", account],
    queryFn: () => client.getVendor(account!),
    enabled: account !== undefined,
    retry: false,
  });
  const isNoVendor = vendor.error instanceof LhgError && vendor.error.code.endsWith(".not-found");

  return (
    <div className="stack capture">
      <PageHead title={sections.capture} />
      <UnsentList kind="capture" onSent={(id) => setSent({ id, ids: [] })} />
      {sent === undefined ? (
        <>
          <Panel title={capture.who}>
            <SignerChooser />
            {isNoVendor || vendorFor !== "" ? <VendorFor value={vendorFor} onChange={setVendorFor} /> : null}
            {vendor.data === undefined ? null : (
              <p className="muted small">
                <bdi>{capture.credits(vendor.data.name, vendor.data.credits)}</bdi>
              </p>
            )}
          </Panel>
          <CaptureEntry chosen={chosen} vendor={vendor.data} onSent={setSent} />
        </>
      ) : (
        <CaptureResult
          sent={sent}
          onNext={() => {
            setSent(undefined);
            void vendor.refetch();
          }}
        />
      )}
      <NewestCaptures vendor={vendor.data} />
    </div>
  );
}

/** A delegated key signs for a vendor that is not its own account. */
function VendorFor({ value, onChange }: { value: string; onChange: (vendor: string) => void }): ReactNode {
  const { capture } = useStrings();
  const { data } = useQuery({
    queryKey: ["vendors"],
    queryFn: () => client.listVendors({ limit: 200 }),
    staleTime: 30_000,
  });
  return (
    <div className="field">
      <label htmlFor="capture-for">{capture.signsFor}</label>
      <select id="capture-for" value={value} onChange={(event) => onChange(event.target.value)}>
        <option value="">{capture.signsForNobody}</option>
        {(data?.items ?? []).map(({ vendor, name }) => (
          <option key={vendor} value={vendor}>
            {name.slice(0, 80)}
          </option>
        ))}
      </select>
      <p className="muted small">{capture.signsForHint}</p>
    </div>
  );
}

function CaptureEntry({
  chosen,
  vendor,
  onSent,
}: {
  chosen: BrowserSigner | undefined;
  vendor: Vendor | undefined;
  onSent: (sent: Sent) => void;
}): ReactNode {
  const { capture } = useStrings();
  const [draft, setDraft] = useState<Draft>(recallDraft);
  const [problems, setProblems] = useState<Problems>({});
  const [error, setError] = useSendError();
  const [isBusy, setBusy] = useState(false);
  const unsent = useUnsent("capture");
  const formElement = useRef<HTMLFormElement>(null);
  useEffect(() => rememberDraft(draft), [draft]);
  useEffect(() => {
    if (Object.keys(problems).length > 0)
      formElement.current?.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
  }, [problems]);

  const change = (next: Partial<Draft>): void => {
    setDraft((old) => ({ ...old, ...next }));
    setProblems((old) => {
      const left = { ...old };
      for (const name of Object.keys(next)) delete left[name as keyof Problems];
      return left;
    });
  };
  const canSend = chosen !== undefined && vendor !== undefined && unsent.length === 0 && !isBusy;

  const send = async (title: string, document: Uint8Array, ids: readonly string[]): Promise<void> => {
    if (chosen === undefined || vendor === undefined) return;
    onSent({ id: await sendCapture(title, document, chosen, vendor.vendor), ids });
  };
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    setError(undefined);
    const result = buildDocument(draft, Date.now());
    if ("problems" in result) {
      setProblems(result.problems);
      return;
    }
    setProblems({});
    setBusy(true);
    try {
      const { document, ids, begun } = result.built;
      const foreign = vendor === undefined ? undefined : await findForeignKey(begun, vendor);
      if (foreign !== undefined) {
        setProblems({
          [draft.happening === "transformed" ? "outputs" : "items"]: capture.foreignKey(foreign),
        });
        return;
      }
      await send(`${capture.happenings[draft.happening]}: ${ids.slice(0, 3).join(", ")}`, document, ids);
      rememberDraft({ ...draft, items: "", outputs: "", container: "", time: "" });
    } catch (problem) {
      const field = problem instanceof LhgError ? fieldOfPath(problem.field) : "document";
      if (field !== "document") setProblems({ [field]: (problem as LhgError).message });
      else setError(problem);
    } finally {
      setBusy(false);
    }
  };

  return (
    <>
      <Panel title={capture.what}>
        <form ref={formElement} className="stack" noValidate onSubmit={submit}>
          <CaptureForm form={{ draft, problems, change }} vendor={vendor?.vendor} />
          {problems.document === undefined ? null : <p className="note bad">{problems.document}</p>}
          <Preview draft={draft} />
          {error === undefined ? null : <SendFailure error={error} vendor={vendor?.name} />}
          <p className="row">
            <Button isMain type="submit" disabled={!canSend}>
              {isBusy ? capture.sending : capture.sign}
            </Button>
            <Button onClick={() => change({ ...EMPTY_DRAFT, happening: draft.happening })}>
              {capture.clear}
            </Button>
          </p>
          {chosen === undefined || vendor === undefined ? (
            <p className="muted small">{capture.needsSigner}</p>
          ) : unsent.length > 0 ? (
            <p className="muted small">{capture.unsentFirst}</p>
          ) : null}
        </form>
      </Panel>
      <CaptureFile canSend={canSend} onSend={send} />
    </>
  );
}
