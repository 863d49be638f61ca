/** The console: pages below /console/, cut so that the first view loads little and the proofs come when they are asked for. */
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

const NODE_URL = process.env.LHG_URL ?? "http://127.0.0.1:8080";

export default defineConfig({
  root: import.meta.dirname,
  base: "/console/",
  plugins: [react()],
  build: {
    outDir: "dist/console",
    emptyOutDir: true,
    target: "es2023",
    // Of these on, light-dark() needs no stand-in (each colour twice).
    cssTarget: ["chrome123", "firefox120", "safari17.5"],
    assetsInlineLimit: 0,
  },
  worker: { format: "es" },
  // `npm run console`: pages reload as they are edited, questions go to a running node.
  server: { host: "127.0.0.1", port: 5173, proxy: { "/api": { target: NODE_URL, changeOrigin: true } } },
});
