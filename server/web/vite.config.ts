// Build of the portal's UI: relative addresses under <base href>, one style sheet, no inline script.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { budget } from "./budget.ts";

const PORTAL = "http://127.0.0.1:8070";

export default defineConfig({
  base: "./",
  plugins: [react(), budget()],
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
            // Else it would become part of another group, on which every chunk then depends, in a circle.
            { name: "react", test: /node_modules\/(react|react-dom|scheduler|use-sync-external-store)\//, priority: 2 },
            { name: "icons", test: /@tabler/, priority: 1 },
            // Not merged: larger parts would import each other in a circle, and the first screen would load more.
            { name: "shared", minShareCount: 2, entriesAware: true },
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
  // A busy machine may stop for seconds.
  test: { include: ["test/*.test.ts"], testTimeout: 60_000, hookTimeout: 60_000 },
});
