import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { fromHex, toHex } from "@lhg/protocol/core/bytes";
import { LhgError } from "@lhg/protocol/core/errors";
import { computeCaptureCost } from "@lhg/protocol/modules/trace/capture";
import { buildCapture, readCapturedEvents, type SignedCapture } from "@lhg/sdk/capture/build";
import { type PreparedDocument, prepareDocument } from "@lhg/sdk/capture/prepare";
import type { Client } from "@lhg/sdk/client/client";
import type { Holder } from "@lhg/sdk/client/types";
import { nodeCrypto } from "@lhg/sdk/crypto/node";
import type { Account } from "../accounts.ts";
import { type Chain, getParameters, openChain, requireOk, submit, type Wait, waitFor } from "../chain.ts";
import { chooseVendor, findForeignItems } from "../choose-vendor.ts";
import { ensureCredits } from "../credit.ts";
import { type EventFinding, formatFinding, readFindings } from "../event-findings.ts";
import { describeFailure, EXIT, type ExitCode, type Failure } from "../exit-codes.ts";
import { formatCount } from "../output.ts";
import { commandName, type Session } from "../session.ts";
import { openAccount, resolveAddress } from "../signing.ts";

interface CaptureOptions {
  readonly vendor?: string;
  readonly for?: string;
  readonly wait: Wait;
}

/** Vendor and key that sign for it: the same account, unless the vendor delegated. */
interface Captor {
  readonly account: Account;
  readonly vendor: Uint8Array;
}

interface Work {
  readonly file: string;
  signed?: SignedCapture;
  vendor?: string;
  failure?: Failure;
  height?: number;
  findings?: ReadonlyMap<number, EventFinding>;
  /** What was changed before signing, in words. */
  mended?: readonly string[];
}

export async function captureFiles(
  session: Session,
  paths: readonly string[],
  options: CaptureOptions,
): Promise<ExitCode> {
  const files = (await Promise.all(paths.map(findDocuments))).flat();
  const chain = await openChain(session);
  const named = options.vendor === undefined ? undefined : await openCaptor(session, chain, options);
  const desk = createDesk(session, chain, named);
  const all: Work[] = [];
  for (const [i, file] of files.entries()) {
    session.output.progress(`capturing ${i + 1} of ${files.length}: ${file}`);
    all.push(await attempt({ file }, (work) => desk.submitFile(work)));
  }
  for (const [i, work] of all.entries()) {
    session.output.progress(`waiting for ${i + 1} of ${all.length}`);
    await attempt(work, async () => {
      if (work.signed === undefined) return;
      const settled = await requireOk(chain, await waitFor(chain, toHex(work.signed.id), options.wait));
      work.height = settled.height;
      const { notices } = await chain.client.getStatement(settled.id);
      work.findings = readFindings(notices);
    });
  }
  return report(session, all);
}

async function openCaptor(session: Session, chain: Chain, options: CaptureOptions): Promise<Captor> {
  const account = await openAccount(session, chain.devKeys, options.vendor!);
  if (options.for === undefined) return { account, vendor: account.address };
  return { account, vendor: await resolveAddress(session, chain.devKeys, options.for) };
}

const DOCUMENT = /\.(?:jsonld|json)$/i;

/** A file as it is, or all documents below a folder, by name. */
async function findDocuments(path: string): Promise<string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && DOCUMENT.test(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
  if (files.length === 0) throw new LhgError("file.not-found", "holds no .json or .jsonld document", path);
  return files;
}

/** Does one file's work; what fails is that file's alone, unless the node or this program failed. */
async function attempt(work: Work, step: (work: Work) => Promise<void>): Promise<Work> {
  if (work.failure !== undefined) return work;
  try {
    await step(work);
  } catch (error) {
    const failure = describeFailure(error);
    if (failure.exitCode === EXIT.unreachable || failure.exitCode === EXIT.internal) throw error;
    work.failure = failure;
  }
  return work;
}

interface Desk {
  submitFile(work: Work): Promise<void>;
}

/** Signs and submits documents one after the other, counting each vendor's captures. */
function createDesk(session: Session, chain: Chain, named: Captor | undefined): Desk {
  const nextSeqs = new Map<string, number>();
  const creditsLeft = new Map<string, number>();
  const prices = getParameters(chain);

  async function readNextSeq(vendor: string): Promise<number> {
    return (await chain.client.getVendor(vendor)).nextCaptureSeq;
  }

  /** A capture without credit would wait for it at the node, so credit is seen to before it is sent. */
  async function reserve(account: Account, vendor: string, cost: number): Promise<void> {
    let left = creditsLeft.get(vendor);
    if (left === undefined && account.source === "development")
      session.output.note(
        `Signing as ${account.name}, a development ${isDevVendor(chain, account) ? "vendor" : "key"}.`,
      );
    if (left === undefined || left < cost) left = await ensureCredits(session, chain, vendor, cost);
    creditsLeft.set(vendor, left - cost);
  }

  async function submitFile(work: Work): Promise<void> {
    const prepared = prepareDocument(new Uint8Array(await readFile(work.file)));
    const { document } = prepared;
    work.mended = describeMending(prepared);
    for (const text of work.mended) session.output.note(`${work.file}: ${text}`);
    const events = readCapturedEvents(document, nodeCrypto);
    const { account, vendor } = named ?? (await pickDevVendor(chain, events));
    const address = toHex(vendor);
    await reserve(account, address, computeCaptureCost(await prices, events.length, document.length));
    const signAndSubmit = async (captureSeq: number): Promise<SignedCapture> => {
      const request = { chainId: chain.chainId, vendor: fromHex(address), captureSeq, document };
      const signed = buildCapture({ ...request, signer: account.signer, hasher: nodeCrypto });
      await submit(chain, signed.bytes);
      nextSeqs.set(address, captureSeq + 1);
      return signed;
    };
    work.vendor = address;
    try {
      work.signed = await signAndSubmit(nextSeqs.get(address) ?? (await readNextSeq(address)));
    } catch (error) {
      // Another program captured for the vendor meanwhile.
      if (!(error instanceof LhgError) || error.code !== "capture.sequence-used") throw error;
      work.signed = await signAndSubmit(await readNextSeq(address));
    }
  }

  return { submitFile };
}

function describeMending({ dropped, isReordered }: PreparedDocument): string[] {
  return [
    ...dropped.map((path) => `${path} occurs again later: left out before signing.`),
    ...(isReordered ? ["its @context was moved to the front before signing."] : []),
  ];
}

function isDevVendor({ devKeys }: Chain, { name }: Account): boolean {
  return devKeys?.vendors.some((vendor) => vendor.name === name) === true;
}

async function pickDevVendor({ devKeys, client }: Chain, events: SignedCapture["events"]): Promise<Captor> {
  if (devKeys === undefined)
    throw new LhgError(
      "usage.vendor",
      "name the key to sign with; this is no development chain of the data folder",
      "--vendor",
    );
  const account = chooseVendor(devKeys.vendors, events);
  await refuseForeign(client, findForeignItems(devKeys.vendors, events));
  return { account, vendor: account.address };
}

/** The holders of so many items are asked for; a document of more is mostly of the same vendor's. */
const HOLDERS_ASKED_MAX = 20;

/** Throws `capture.other-holder` where an admitted vendor holds the prefix of an item: it answers for it, and no other vendor. */
async function refuseForeign(client: Pick<Client, "getHolder">, items: readonly string[]): Promise<void> {
  for (const item of items.slice(0, HOLDERS_ASKED_MAX)) {
    const holder = await findHolder(client, item);
    if (holder?.vendor.standing === "admitted")
      throw new LhgError(
        "capture.other-holder",
        `belongs to ${holder.vendor.name} (${holder.vendor.vendor}, prefix ${holder.prefix}): name its key with --vendor`,
        item,
      );
  }
}

async function findHolder(client: Pick<Client, "getHolder">, item: string): Promise<Holder | undefined> {
  try {
    return await client.getHolder(item);
  } catch (error) {
    if (error instanceof LhgError && error.code === "holder.not-found") return undefined;
    throw error;
  }
}

function report(session: Session, all: readonly Work[]): ExitCode {
  const { output } = session;
  const failed = all.filter(({ failure }) => failure !== undefined);
  const views = all.map(describeWork);
  const lines = all.flatMap(({ file, signed, failure, height, findings }) => {
    if (failure !== undefined) return [`FAILED  ${file}: ${failure.message} (${failure.code})`];
    const id = toHex(signed!.id);
    return [
      `${file}  block ${height}`,
      ...signed!.events.flatMap(({ event, index, hash }) => [
        `  ${event.type}  ${id}:${index}  ${hash}`,
        ...formatFinding(findings?.get(index)),
      ]),
    ];
  });
  output.result({ captures: views, failed: failed.length }, lines);
  const events = all.reduce(
    (sum, { signed, failure }) => sum + (failure === undefined ? signed!.events.length : 0),
    0,
  );
  output.note(
    `${formatCount(events, "event")} of ${formatCount(all.length - failed.length, "document")} recorded, ${failed.length} failed.`,
  );
  const first = all.find(({ failure }) => failure === undefined);
  if (first?.signed !== undefined)
    output.note(`A proof for the first event: ${commandName()} receipt ${toHex(first.signed.id)}:0`);
  return failed.length === 0 ? EXIT.ok : EXIT.refused;
}

function describeWork({ file, signed, vendor, failure, height, findings, mended = [] }: Work): object {
  if (failure !== undefined) {
    const { code, field, message } = failure;
    return { file, error: { code, field, message } };
  }
  const id = toHex(signed!.id);
  return {
    file,
    id,
    vendor,
    height,
    mended,
    events: signed!.events.map(({ event, index, hash }) => ({
      id: `${id}:${index}`,
      hash,
      type: event.type,
      ...(event.eventId === undefined ? {} : { eventId: event.eventId }),
      ...findings?.get(index),
    })),
  };
}
