/** Asks the node for everything a query may name, at once; what it does not know is no result. */
import { client, isNotFound } from "../../node/client.ts";
import { itemPath, toEventPath } from "../../ui/links.tsx";
import { askNewestEvents } from "./newest-events.ts";
import { type Candidate, readQuery } from "./read-query.ts";
import { isPartOf, listItems } from "./recent-items.ts";

export interface Hit {
  readonly kind: "block" | "statement" | "vendor" | "device" | "account" | "event" | "item";
  readonly title: string;
  /** Below /console; accounts have no page but this one. */
  readonly to: string;
}

export interface Found {
  readonly hits: readonly Hit[];
  /** The one hit that the query names exactly. */
  readonly exact: Hit | undefined;
  /** How many of the newest events were looked through; undefined where the query names something whole. */
  readonly eventsLookedThrough: number | undefined;
}

const VENDORS_MAX = 200;
const HITS_MAX = 30;

export async function findAll(text: string): Promise<Found> {
  const candidates = readQuery(text);
  const part = candidates.find(({ kind }) => kind === "part");
  const events = part === undefined ? undefined : await askNewestEvents();
  const answers = await Promise.all(candidates.map((candidate) => ask(candidate).catch(forgive)));
  const named = answers.flat();
  const parts =
    part?.kind === "part"
      ? listItems(events ?? [], (identity) => isPartOf(part.text, identity), HITS_MAX).map(
          ({ identity }): Hit => ({ kind: "item", title: identity, to: itemPath(identity) }),
        )
      : [];
  const hits = [...new Map([...named, ...parts].map((hit) => [`${hit.kind} ${hit.to}`, hit])).values()];
  const isByName = candidates.some(({ kind }) => kind === "name");
  const [first] = hits;
  const isExact = hits.length === 1 && parts.length === 0 && first?.kind !== "account" && !isByName;
  return {
    hits: hits.slice(0, HITS_MAX),
    exact: isExact ? first : undefined,
    eventsLookedThrough: events?.length,
  };
}

/** Codes by which a node says that a text is no name of such a thing. */
function forgive(error: unknown): Hit[] {
  const { code = "" } = error as { readonly code?: string };
  if (isNotFound(error) || /^(?:identity|request|query)\./.test(code)) return [];
  throw error;
}

async function ask(candidate: Candidate): Promise<Hit[]> {
  switch (candidate.kind) {
    case "block":
      return [await findBlock(candidate.height)];
    case "hash": {
      const { hash } = candidate;
      const both = await Promise.all([
        findBlock(hash).then((hit) => [hit], forgive),
        client
          .getStatement(hash)
          .then(({ id }): Hit[] => [{ kind: "statement", title: id, to: `/statements/${id}` }], forgive),
      ]);
      return both.flat();
    }
    case "event": {
      const { id } = await client.getEvent(candidate.id);
      return [{ kind: "event", title: id, to: toEventPath({ id }) }];
    }
    case "alias": {
      const { items } = await client.listEvents({ alias: candidate.alias });
      return items.map(({ id }) => ({ kind: "event", title: id, to: toEventPath({ id }) }));
    }
    case "address":
      return [await findAccount(candidate.address)].flat();
    case "item": {
      const { identity, identityKind } = candidate;
      const hit: Hit = { kind: "item", title: identity, to: itemPath(identity) };
      // The page of a kind of things tells of them, though it seldom has a record of its own.
      return identityKind === "class" ? [hit] : client.getItem(identity).then(() => [hit]);
    }
    case "part":
      return [];
    case "name": {
      const wanted = candidate.name.toLowerCase();
      const { items } = await client.listVendors({ limit: VENDORS_MAX });
      return items
        .filter(({ name }) => name.toLowerCase().includes(wanted))
        .map(({ name, vendor }) => ({ kind: "vendor", title: name, to: `/vendors/${vendor}` }));
    }
  }
}

async function findBlock(heightOrHash: number | string): Promise<Hit> {
  const { height } = await client.getBlock(heightOrHash);
  return { kind: "block", title: String(height), to: `/blocks/${height}` };
}

/** Every address is an account; one that never did or had anything is none. */
async function findAccount(address: string): Promise<Hit[]> {
  const account = await client.getAccount(address);
  if (account.isVendor) return [{ kind: "vendor", title: address, to: `/vendors/${address}` }];
  if (account.isDevice) return [{ kind: "device", title: address, to: `/devices/${address}` }];
  const isKnown = account.nonce > 0 || account.balance !== "0" || account.key !== null || account.isValidator;
  return isKnown ? [{ kind: "account", title: address, to: `/search?q=${address}` }] : [];
}
