import { fileURLToPath } from "node:url";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

/** Where `npm run dev` finds the API; a suite of your own, or the demo's gateway. */
const api = process.env.HEADWATER_URL ?? "http://127.0.0.1:8080";

/** Writes which files make up the UI, so that the service worker can keep all of them for use off-line. */
function listOfAssets(): Plugin {
  return {
    name: "list-of-assets",
    generateBundle: {
      order: "post", // Vite takes the empty scripts of style sheets out again, after other plug-ins
      handler(_, bundle) {
        const files = Object.keys(bundle).filter((name) => name.startsWith("assets/")).sort();
        this.emitFile({ type: "asset", fileName: "asset-list.json", source: JSON.stringify(files.map((f) => `/${f}`)) });
      },
    },
  };
}

export default defineConfig({
  plugins: [react(), listOfAssets()],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: { outDir: "../build/web", emptyOutDir: true, target: "es2022", chunkSizeWarningLimit: 900, modulePreload: { polyfill: false } },
  server: {
    proxy: Object.fromEntries(
      ["/v1", "/openapi.json", "/docs", "/static", "/sign-in", "/console.json"].map((path) => [path, { target: api, changeOrigin: true }]),
    ),
  },
});
