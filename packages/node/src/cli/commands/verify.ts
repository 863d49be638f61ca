import { readFile } from "node:fs/promises";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import { type Finding, formatTime, type Proven } from "@lhg/sdk/verify/verdict";
import { verifyProof } from "@lhg/sdk/verify/verify-proof";
import { nameOfDev } from "../dev-keys.ts";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { formatJourney } from "../journey.ts";
import type { Session } from "../session.ts";
import { type FoundTrust, findTrust, type TrustOptions } from "../trust-source.ts";
import { toJourney } from "../verified-journey.ts";

/** Offline. Exit code 0 only where the proof holds; a failed statement that is proven holds. */
export async function verifyFile(session: Session, file: string, options: TrustOptions): Promise<ExitCode> {
  const found = await findTrust(session, options);
  const bytes = new Uint8Array(await readFile(file));
  const { proof, verdict } = verifyProof(bytes, found.trust, nodeCrypto);
  if (!verdict.ok) {
    const { code, field, message } = verdict;
    session.output.result({ file, proof, ...verdict }, [
      `NOT VALID  ${file}`,
      `  ${message} (${code}${field === "" ? "" : `, ${field}`})`,
    ]);
    return EXIT.refused;
  }
  const journey = proof === "trace" ? formatJourney(toJourney(verdict.events), nameOfDev(found.devKeys)) : [];
  session.output.result({ file, proof, ...verdict }, [
    `VALID  ${file}: a ${proof} of chain ${verdict.chainId}`,
    ...journey,
    ...describeProven(verdict, found),
  ]);
  return EXIT.ok;
}

export function describeProven(verdict: Proven, { origin, devKeys }: FoundTrust): string[] {
  const nameOf = nameOfDev(devKeys);
  const list = (title: string, findings: readonly Finding[]): string[] =>
    findings.length === 0
      ? []
      : [
          title,
          ...findings.map(({ text, by }) => {
            const name = by === undefined ? undefined : nameOf(by);
            return `  - ${name === undefined ? text : `${text} [${name}]`}`;
          }),
        ];
  return [
    ...list("Proven:", verdict.proven),
    ...list("Only claimed:", verdict.claimed),
    ...list("Mind:", verdict.problems),
    `Trusted: ${origin}. On the chain at the latest ${formatTime(verdict.provenByMs)}, header ${verdict.height}.`,
  ];
}
