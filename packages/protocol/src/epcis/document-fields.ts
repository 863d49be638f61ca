/** What an EPCIS document may hold around its events (EPCIS 2.0 JSON schema). */
import { LhgError } from "../core/errors.ts";
import { type JsonNode, type JsonObject, memberPath } from "../core/json.ts";
import { checkMembers } from "./context.ts";
import {
  checkExtensionValue,
  expectMatch,
  expectObject,
  expectText,
  expectTime,
  expectUri,
  readList,
  readOptional,
  requireMember,
} from "./fields.ts";

type Prefixes = ReadonlyMap<string, string>;

const DOCUMENT_NAMES = names(
  "@context id type schemaVersion creationDate instanceIdentifier sender receiver epcisHeader epcisBody",
);
const QUERY_NAMES = names("@context id type schemaVersion creationDate epcisBody");
const BODY_NAMES = names("eventList");
const VERSION = /^[0-9]+(?:\.[0-9]+)*$/;

/** Checks everything but `@context` and the events. Throws `epcis.*`. */
export function checkDocumentFields(root: JsonObject, form: "document" | "query", prefixes: Prefixes): void {
  checkMembers(root, form === "document" ? DOCUMENT_NAMES : QUERY_NAMES, prefixes, "$");
  readOptional(root, "id", "$", expectUri);
  readOptional(root, "schemaVersion", "$", (node, path) =>
    expectMatch(node, path, VERSION, "a version number"),
  );
  readOptional(root, "creationDate", "$", expectTime);
  const body = expectObject(requireMember(root, "epcisBody", "$"), "$.epcisBody");
  if (form === "query") {
    checkQueryBody(body, prefixes);
    return;
  }
  requireMember(root, "schemaVersion", "$");
  requireMember(root, "creationDate", "$");
  for (const name of ["instanceIdentifier", "sender", "receiver"]) readOptional(root, name, "$", expectText);
  readOptional(root, "epcisHeader", "$", (node, path) => checkHeader(node, prefixes, path));
  // The schema leaves epcisBody open; a second list or a lone `event` beside eventList would be an unseen event.
  checkMembers(body, BODY_NAMES, prefixes, "$.epcisBody");
}

function checkQueryBody(body: JsonObject, prefixes: Prefixes): void {
  checkMembers(body, names("queryResults"), prefixes, "$.epcisBody");
  const resultsPath = "$.epcisBody.queryResults";
  const results = expectObject(requireMember(body, "queryResults", "$.epcisBody"), resultsPath);
  checkMembers(results, names("queryName subscriptionID resultsBody"), prefixes, resultsPath);
  expectText(requireMember(results, "queryName", resultsPath), `${resultsPath}.queryName`);
  readOptional(results, "subscriptionID", resultsPath, expectText);
  const listsPath = `${resultsPath}.resultsBody`;
  const lists = expectObject(requireMember(results, "resultsBody", resultsPath), listsPath);
  checkMembers(lists, names("eventList vocabularyList"), prefixes, listsPath);
  readOptional(lists, "vocabularyList", listsPath, checkVocabularies);
}

function checkHeader(node: JsonNode, prefixes: Prefixes, path: string): void {
  const header = expectObject(node, path);
  checkMembers(header, names("epcisMasterData"), prefixes, path);
  readOptional(header, "epcisMasterData", path, (masterData, masterPath) => {
    readOptional(expectObject(masterData, masterPath), "vocabularyList", masterPath, checkVocabularies);
  });
}

function checkVocabularies(node: JsonNode, path: string): void {
  readList(node, path, (item, itemPath) => {
    const vocabulary = expectObject(item, itemPath);
    expectUri(requireMember(vocabulary, "type", itemPath), memberPath(itemPath, "type"));
    readOptional(vocabulary, "vocabularyElementList", itemPath, (list, listPath) =>
      readList(list, listPath, checkVocabularyElement),
    );
  });
}

function checkVocabularyElement(node: JsonNode, path: string): void {
  const element = expectObject(node, path);
  expectUri(requireMember(element, "id", path), memberPath(path, "id"));
  readOptional(element, "attributes", path, (list, listPath) => readList(list, listPath, checkAttribute));
  readOptional(element, "children", path, (list, listPath) => readList(list, listPath, expectUri));
}

function checkAttribute(node: JsonNode, path: string): void {
  const attribute = expectObject(node, path);
  expectUri(requireMember(attribute, "id", path), memberPath(path, "id"));
  readOptional(attribute, "attribute", path, (value, valuePath) => {
    if (value.kind !== "string" && value.kind !== "number" && value.kind !== "object")
      throw new LhgError("epcis.type", "must be a string, a number or an object", valuePath);
    checkExtensionValue(value, valuePath);
  });
}

function names(text: string): ReadonlySet<string> {
  return new Set(text.split(" "));
}
