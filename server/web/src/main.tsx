// Start of the UI: language, theme, cache and routes. An ended session leads to the sign-in and back.
import "./mantine.css";
import "./style.css";

import { localStorageColorSchemeManager, MantineProvider } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { prefix } from "./api/client";
import { isSignedOut, mayRetry } from "./api/errors";
import { boot } from "./api/queries";
import { createTree } from "./routes/tree";
import { startLanguage, THEME_KEY } from "./state/prefs";
import { theme } from "./theme";

const STALE_MS = 30_000;

function signInAgain(error: Error) {
  if (!isSignedOut(error) || router.state.location.pathname === "/signin") return;
  queryClient.clear();
  void router.navigate({ to: "/signin", search: { next: router.state.location.href, reason: "expired" } });
}

const queryClient = new QueryClient({
  // At boot the route itself leads to the sign-in: there is no session yet that could have ended.
  queryCache: new QueryCache({
    onError: (error, query) => query.queryKey[0] !== boot.queryKey[0] && signInAgain(error),
  }),
  mutationCache: new MutationCache({ onError: signInAgain }),
  defaultOptions: { queries: { staleTime: STALE_MS, retry: mayRetry }, mutations: { retry: false } },
});
const router = createTree(queryClient, prefix);

await startLanguage();

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      {/* The variables are in style.css: style elements made while running would break the content policy. */}
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        colorSchemeManager={localStorageColorSchemeManager({ key: THEME_KEY })}
        withCssVariables={false}
        withGlobalClasses={false}
      >
        <QueryClientProvider client={queryClient}>
          <RouterProvider router={router} />
        </QueryClientProvider>
      </MantineProvider>
    </StrictMode>,
  );
}
