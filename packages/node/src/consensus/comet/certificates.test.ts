import assert from "node:assert/strict";
import { test } from "node:test";
import { LhgError } from "@lhg/protocol/core/errors";
import { type CertificateParts, followCertificates } from "./certificates.ts";

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

/** CometBFT as far as it is asked here: of its newest block it tells what it has seen, of others what all have. */
function openComet(over: Partial<CertificateParts> = {}) {
  const told: string[] = [];
  let newest = 0;
  let wanted: () => void = () => {};
  const certificates = followCertificates({
    fetch: async (height) => {
      if (height > newest) throw new LhgError("engine.rpc-not-found", "CometBFT has none", "commit");
      return { header: bytesOf(`${height}`), commit: bytesOf(height === newest ? "seen" : "shared") };
    },
    certify: async (header, commit) => void told.push(`${textOf(header)} ${textOf(commit)}`),
    isShared: () => false,
    certifiedHeight: 0,
    onCertified: () => wanted(),
    onFatal: (error) => {
      throw error;
    },
    log: () => {},
    ...over,
  });
  const decide = async (height: number): Promise<void> => {
    newest = height;
    const done = new Promise<void>((resolve) => {
      wanted = () => certificates.certifiedHeight >= height - 1 && resolve();
    });
    certificates.follow(height);
    await done;
    await new Promise((resolve) => setImmediate(resolve));
  };
  return { certificates, told, decide };
}

test("a commit that all nodes must have alike is fetched again when the next block names it", async () => {
  const held = new Map<string, string>();
  const asked: boolean[] = [];
  const { told, decide, certificates } = openComet({
    isShared: (height) => height === 2,
    certify: async (header, commit, isParentShared) => {
      const height = Number(textOf(header));
      asked.push(isParentShared);
      if (isParentShared && held.get(`${height - 1}`) !== "shared")
        throw new LhgError("certificate.parent", "is not the one that the next header names", "certificate");
      held.set(`${height}`, textOf(commit));
    },
  });
  for (let height = 1; height <= 4; height++) await decide(height);
  await certificates.stop();
  assert.deepEqual(told, []);
  assert.deepEqual(
    [...held],
    [
      ["1", "seen"],
      ["2", "shared"],
      ["3", "seen"],
      ["4", "seen"],
    ],
  );
  assert.deepEqual(asked, [false, false, true, false, true, false]);
});

test("after a snapshot the heights go on behind it", async () => {
  const { told, decide, certificates } = openComet();
  certificates.restart(40);
  assert.equal(certificates.certifiedHeight, 40);
  await decide(41);
  await certificates.stop();
  assert.deepEqual(told, ["41 seen"]);
});
