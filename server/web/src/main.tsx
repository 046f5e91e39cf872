// Start of the UI: language, theme, cache and routes. Addresses of Apollo's portal are replaced here,
// before the router reads them.
import "./mantine.css";
import "./style.css";

import { MantineProvider } from "@mantine/core";
import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import i18next from "i18next";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";

import { onPendingEnvironments, prefix } from "./api/client";
import { isSignedOut, mayRetry, retryDelay } from "./api/errors";
import { STALE_MS } from "./api/events";
import { keepChosen } from "./api/preferences";
import { boot } from "./api/queries";
import { toast } from "./components/toast";
import { oldAddress } from "./routes/old";
import { createTree } from "./routes/tree";
import { startDisplay } from "./state/display";
import { onChosen, startLanguage, themeManager } from "./state/prefs";
import { theme } from "./theme";

const old = oldAddress(window.location.pathname.slice(prefix.length), window.location.hash);
if (old) window.history.replaceState(null, "", prefix + (old === "lost" ? "/" : old.to));

// A page that the browser has kept would show its data again after the sign-out.
window.addEventListener("pageshow", (event) => event.persisted && window.location.reload());

/** The user has not signed in again over the page. */
function leaveToSignIn(error: Error) {
  if (!isSignedOut(error) || router.state.location.pathname === "/signin") return;
  queryClient.clear();
  void router.navigate({ to: "/signin", search: { next: router.state.location.href, reason: "expired" } });
}

const queryClient = new QueryClient({
  // At boot the route itself leads to the sign-in: there is no session yet that could have ended.
  queryCache: new QueryCache({
    onError: (error, query) => query.queryKey[0] !== boot.queryKey[0] && !query.meta?.isEarly && leaveToSignIn(error),
  }),
  mutationCache: new MutationCache({ onError: leaveToSignIn }),
  defaultOptions: { queries: { staleTime: STALE_MS, retry: mayRetry, retryDelay }, mutations: { retry: false } },
});
const router = createTree(queryClient, prefix);

startDisplay();
await startLanguage();
if (old === "lost") void toast(i18next.t("shell.oldLink"));
// On the sign-in page there is nobody yet whose choice it is.
onChosen((chosen) => queryClient.getQueryData(boot.queryKey) && keepChosen(chosen));
onPendingEnvironments((envs) => void toast(i18next.t("shell.pending", { envs: envs.join(", ") })));

const root = document.getElementById("root");
if (root) {
  createRoot(root).render(
    <StrictMode>
      {/* The variables are in style.css: style elements made while running would break the content policy. */}
      <MantineProvider
        theme={theme}
        defaultColorScheme="auto"
        colorSchemeManager={themeManager}
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
