/** The verifier page: one file that needs no other, with a policy that lets no other script run in it. */
import { createHash } from "node:crypto";
import { defineConfig, type Plugin } from "vite";

const hashOf = (text: string): string => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/** Puts script and style into the page and states their hashes; nothing else may run there or be loaded. */
function inlineEverything(): Plugin {
  return {
    name: "lhg-inline-everything",
    enforce: "post",
    generateBundle(_options, bundle) {
      let html = "";
      let script = "";
      let style = "";
      for (const [name, file] of Object.entries(bundle)) {
        if (file.type === "chunk") script += file.code;
        else if (name.endsWith(".css")) style += String(file.source);
        else if (name.endsWith(".html")) html = String(file.source);
        else this.error(`${name} has no place in a page of one file`);
        if (!name.endsWith(".html")) delete bundle[name];
      }
      // A closing tag within a string of the script would end it.
      script = script.trim().replaceAll("</script", "<\\/script");
      style = style.trim();
      if (script.includes("<!--")) this.error("a comment within the script would change how it is read");
      const policy = [
        "default-src 'none'",
        `script-src ${hashOf(script)}`,
        `style-src ${hashOf(style)}`,
        "connect-src http: https:",
        "base-uri 'none'",
        "form-action 'none'",
      ].join("; ");
      const page = html
        .replace(/\s*<script type="module"[^>]*><\/script>/, "")
        .replace(/\s*<link rel="stylesheet"[^>]*>/, "")
        .replace(
          /<meta charset="utf-8" ?\/?>/,
          (charset) => `${charset}\n    <meta http-equiv="Content-Security-Policy" content="${policy}" />`,
        )
        .replace("</head>", () => `  <style>${style}</style>\n  </head>`)
        .replace("</body>", () => `  <script type="module">${script}</script>\n  </body>`);
      const entry = bundle["verifier.html"];
      if (entry?.type !== "asset") this.error("there is no verifier.html");
      else entry.source = page;
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: "./",
  publicDir: false,
  plugins: [inlineEverything()],
  build: {
    outDir: "dist/verifier",
    emptyOutDir: true,
    target: "es2023",
    // As in vite.config.ts.
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    modulePreload: false,
    cssCodeSplit: false,
    rolldownOptions: {
      input: "verifier.html",
      output: { codeSplitting: false },
      // The protocol computes nothing by being loaded: what is not called stays away.
      treeshake: { moduleSideEffects: (id) => /verifier\/main\.ts|\.(?:css|html)(?:$|\?)/.test(id) },
    },
  },
});
