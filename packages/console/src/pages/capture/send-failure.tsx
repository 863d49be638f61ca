import { LhgError } from "@lhg/protocol/core/errors";
import type { ReactNode } from "react";
import { useUnsent } from "../../signing/outbox.ts";
import { Problem } from "../../signing/problem.tsx";
import { isUnreachable } from "../../signing/use-send-error.ts";
import { useStrings } from "../../strings/strings.tsx";

const CREDITS_SUGGESTED = 100_000;

/** The words of the chain, and what to do about it where that is known. */
export function SendFailure({ error, vendor }: { error: unknown; vendor: string | undefined }): ReactNode {
  const { capture } = useStrings();
  const isSigned = useUnsent("capture").length > 0;
  const code = error instanceof LhgError ? error.code : "";
  const advice =
    code === "credit.insufficient" ? (
      <>
        {capture.advice.credit} <code>{`lhg send credit ${vendor ?? "VENDOR"} ${CREDITS_SUGGESTED}`}</code>
      </>
    ) : isUnreachable(error) ? (
      isSigned ? (
        capture.advice.signed
      ) : (
        capture.advice.unsigned
      )
    ) : code === "vendor.not-admitted" || code === "statement.key" ? (
      capture.advice.key
    ) : undefined;
  return <Problem title={capture.notSent} error={error} advice={advice} />;
}
