import { toHex } from "@lhg/protocol/core/bytes";
import { countAttestations, getAttestation } from "@lhg/protocol/modules/attestation/attestation";
import type { QueryContext } from "./context.ts";
import { NUMBER_BYTES, openPage, type PageArgs, pageNumbers, readHex } from "./paging.ts";
import type { AttestationsView } from "./views.ts";

/** Who registered a digest, in the order in which they did; nobody is an answer, too. */
export function listAttestations(
  context: QueryContext,
  args: PageArgs & { readonly digest: string },
): AttestationsView {
  const paging = openPage(context, "listAttestations", args, NUMBER_BYTES);
  const hash = readHex(args.digest, 32, "digest");
  const { state, head } = context;
  const total = countAttestations(state, hash);
  const page = pageNumbers(paging, { first: 0, last: total - 1, step: 1 }, (index) => {
    const { owner, statementId, height, timeMs, sizeBytes, mediaType, note } = getAttestation(
      state,
      hash,
      index,
    )!;
    return {
      index,
      owner: toHex(owner),
      statementId: toHex(statementId),
      height,
      timeMs,
      sizeBytes,
      mediaType,
      note,
    };
  });
  return { height: head.height, digest: args.digest, total, ...page };
}
