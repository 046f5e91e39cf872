// Build of the portal's UI: relative addresses under <base href>, one style sheet, no inline script.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

const PORTAL = "http://127.0.0.1:8070";

export default defineConfig({
  base: "./",
  plugins: [react()],
  build: {
    target: "es2022",
    // Split style sheets would apply in the order in which pages happen to load.
    cssCodeSplit: false,
    // The policy of the page allows no data: addresses.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rolldownOptions: {
      output: {
        // Otherwise each icon, and each part that two pages share, becomes a request of its own.
        codeSplitting: {
          groups: [
            { name: "icons", test: /@tabler/ },
            { name: "shared", minShareCount: 2, entriesAware: true, entriesAwareMergeThreshold: 20_000 },
          ],
        },
        // Such a part would otherwise be named after all the pages that share it.
        chunkFileNames: ({ name }) => `assets/${name.split("~")[0]}-[hash].js`,
      },
    },
  },
  server: {
    proxy: {
      "/openapi": PORTAL,
      "/user": PORTAL,
      "/signin": { target: PORTAL, bypass: (request) => (request.method === "GET" ? "/index.html" : undefined) },
    },
  },
  test: { include: ["test/*.test.ts"] },
});
