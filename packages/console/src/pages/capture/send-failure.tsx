import { LhgError } from "@lhg/protocol/core/errors";
import type { ReactNode } from "react";
import { useStrings } from "../../strings/strings.tsx";
import { Failure } from "../../ui/states.tsx";

/** The words of the chain, and what to do about it where that is known. */
export function SendFailure({ error, vendor }: { error: unknown; vendor: string | undefined }): ReactNode {
  const { capture } = useStrings();
  const code = error instanceof LhgError ? error.code : "";
  const advice =
    code === "credit.insufficient"
      ? capture.advice.credit
      : code.startsWith("client.")
        ? capture.advice.unreachable
        : code === "vendor.not-admitted" || code === "statement.key"
          ? capture.advice.key
          : undefined;
  return (
    <>
      <Failure error={error} />
      {advice === undefined ? null : (
        <p className="note warn">
          {advice}{" "}
          {code === "credit.insufficient" ? <code>{`lhg send credit ${vendor ?? ""} 100000`}</code> : null}
        </p>
      )}
    </>
  );
}
