/** The API on one page for people: every operation, its parameters, a command to copy, a form to try it. */
import { createHash } from "node:crypto";
import type { TObject } from "typebox";
import { listParameters, type Parameter, templateOf } from "./openapi.ts";
import { CBOR, type Operation } from "./operations.ts";

const STYLE = `
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--accent:#0a6cc4}
@media (prefers-color-scheme:dark){:root{--accent:#6ab7ff}}
body{font:16px/1.5 system-ui,sans-serif;margin:0 auto;padding:1rem;max-width:60rem}
h1{margin:.2em 0}h2{margin:2em 0 .4em;border-bottom:1px solid var(--line)}
a{color:var(--accent)}nav{display:flex;flex-wrap:wrap;gap:.2em .8em}
details{border:1px solid var(--line);border-radius:.5em;margin:.5em 0;padding:.1em .7em}
summary{cursor:pointer;padding:.5em 0;overflow-wrap:anywhere}
code,pre,output{font-family:ui-monospace,monospace;font-size:.9em}
.method{font-weight:700;color:var(--accent)}
pre,output{background:var(--soft);padding:.6em;border-radius:.4em;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere;display:block;max-height:24em}
output:empty{display:none}
label{display:block;margin:.5em 0}label small{display:block;opacity:.75}
input,select,button{font:inherit;padding:.4em;width:100%;box-sizing:border-box;border:1px solid var(--line);border-radius:.4em}
button{width:auto;padding:.4em 1.2em;cursor:pointer}
`;

const SCRIPT = `
for (const form of document.forms) {
  const output = form.querySelector("output");
  const read = () => {
    let path = form.dataset.path;
    const query = new URLSearchParams();
    for (const field of form.elements) {
      if (!field.name || field.value === "") continue;
      if (field.dataset.in === "path") path = path.replace("{" + field.name + "}", encodeURIComponent(field.value));
      else query.set(field.name, field.value);
    }
    return path + (query.size > 0 ? "?" + query : "");
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    output.textContent = "…";
    try {
      const answer = await fetch(read(), { headers: { accept: "application/json" } });
      const text = await answer.text();
      let shown = text;
      try { shown = JSON.stringify(JSON.parse(text), null, 2); } catch {}
      output.textContent = answer.status + " " + answer.statusText + "\\n" + shown.slice(0, 100000);
    } catch (error) {
      output.textContent = String(error);
    }
  });
}
`;

function hashSource(source: string): string {
  return `'sha256-${createHash("sha256").update(source).digest("base64")}'`;
}

/** Nothing is loaded from anywhere, and no script runs but ours. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  `style-src ${hashSource(STYLE)}`,
  `script-src ${hashSource(SCRIPT)}`,
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ESCAPES[character]!);
}

/** What descriptions put between backticks is code. */
function formatText(text: string): string {
  return escapeHtml(text).replace(/`([^`]*)`/g, "<code>$1</code>");
}

export interface DocsPage {
  readonly html: string;
  readonly contentSecurityPolicy: string;
}

export function renderDocsPage(
  operations: readonly Operation[],
  { mount, version }: { readonly mount: string; readonly version: string },
): DocsPage {
  const tags = [...new Set(operations.map(({ tag }) => tag))];
  const sections = tags.map((tag) => {
    const own = operations.filter((operation) => operation.tag === tag);
    return `<h2 id="${tag}">${tag}</h2>${own.map((operation) => renderOperation(operation, mount)).join("")}`;
  });
  const links = tags.map((tag) => `<a href="#${tag}">${tag}</a>`).join("");
  const html = `<!doctype html><html lang="en"><head><meta charset="utf-8"><title>LHG node API</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><style>${STYLE}</style></head><body>
<h1>LHG node API</h1><p>Version ${escapeHtml(version)}. For programs: <a href="${mount}/openapi.json">openapi.json</a>.
Bytes are hex, amounts decimal strings of 10<sup>-8</sup> LHG, times milliseconds since 1970. Lists answer
<code>items</code> and, where there is more, <code>next</code>: pass it as <code>cursor</code>. Errors are RFC 9457 problems: decide by
<code>code</code>.</p><nav>${links}</nav>${sections.join("")}<script>${SCRIPT}</script></body></html>`;
  return { html, contentSecurityPolicy: CONTENT_SECURITY_POLICY };
}

function renderOperation(operation: Operation, mount: string): string {
  const { id, method, path, summary, description } = operation;
  const parameters = [
    ...listParameters(operation.params as TObject, "path"),
    ...listParameters(operation.query as TObject, "query"),
  ];
  const answers = Object.keys(operation.answer).join(", ");
  return `<details id="${id}"><summary><span class="method">${method}</span> <code>${escapeHtml(mount + templateOf(path))}</code><br>${formatText(summary)}</summary>
${description === undefined ? "" : `<p>${formatText(description)}</p>`}<p>Answers <code>${escapeHtml(answers)}</code></p>
<pre>${escapeHtml(exampleCommand(operation, parameters, mount))}</pre>${renderForm(operation, parameters, mount)}</details>`;
}

function exampleCommand(
  { method, path, body, answer }: Operation,
  parameters: readonly Parameter[],
  mount: string,
): string {
  const query = parameters.filter((parameter) => parameter.in === "query" && parameter.required);
  const examples = new Map(parameters.map((parameter) => [parameter.name, exampleOf(parameter)]));
  const filled = path.replace(/:(\w+)/g, (_, name: string) => examples.get(name) ?? "1");
  const search = query
    .map(({ name }) => `${name}=${encodeURIComponent(examples.get(name) ?? "1")}`)
    .join("&");
  const url = `http://localhost:8080${mount}${filled}${search === "" ? "" : `?${search}`}`;
  // Bytes are no text for a terminal.
  const file = CBOR in answer && method === "GET" ? ` -o ${path.split("/").at(-1)}.cbor` : "";
  if (method === "GET") return `curl${file} '${url}'`;
  const mediaType = Object.keys(body ?? {})[0] ?? "";
  return `curl -X POST -H 'content-type: ${mediaType}' --data-binary @statement.cose '${url}'`;
}

function renderForm(
  { method, path, id }: Operation,
  parameters: readonly Parameter[],
  mount: string,
): string {
  // A stream never ends, and statements are bytes: neither fits a form.
  if (method !== "GET" || id === "streamActivity") return "";
  const fields = parameters.map(renderField).join("");
  return `<form data-path="${escapeHtml(mount + templateOf(path))}">${fields}<button>Try it</button><output></output></form>`;
}

function renderField(parameter: Parameter): string {
  const { name, in: place, required, description, schema } = parameter;
  const attributes = `name="${escapeHtml(name)}" data-in="${place}"${required ? " required" : ""}`;
  const choices = listChoices(schema);
  const input =
    choices === undefined
      ? `<input ${attributes} placeholder="${escapeHtml(exampleOf(parameter) ?? "")}" autocomplete="off">`
      : `<select ${attributes}>${["", ...choices].map((choice) => `<option>${escapeHtml(choice)}</option>`).join("")}</select>`;
  return `<label><code>${escapeHtml(name)}</code>${required ? " *" : ""}${input}<small>${formatText(description)}</small></label>`;
}

/** A value that the parameter takes, from its schema. */
function exampleOf({ schema }: Parameter): string | undefined {
  const { examples, minimum } = schema as { examples?: readonly string[]; minimum?: number };
  return (
    examples?.[0] ??
    listChoices(schema)?.[0] ??
    (minimum === undefined ? undefined : String(Math.max(1, minimum)))
  );
}

function listChoices(schema: Parameter["schema"]): string[] | undefined {
  const { type, anyOf } = schema as { type?: string; anyOf?: { const?: string }[] };
  if (type === "boolean") return ["true", "false"];
  return anyOf?.map((choice) => String(choice.const));
}
