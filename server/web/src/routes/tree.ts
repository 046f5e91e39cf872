// All routes of the UI. Pages are loaded when first opened; parameters of addresses are validated
// here.
import type { QueryClient } from "@tanstack/react-query";
import {
  createRootRouteWithContext,
  createRoute,
  createRouter,
  lazyRouteComponent,
  redirect,
} from "@tanstack/react-router";

import { isSignedOut } from "../api/errors";
import { boot } from "../api/queries";
import { NotFound, PageFailure, PageLoading } from "../parts/States";

type Search = Record<string, unknown>;

const text = (value: unknown) => (typeof value === "string" && value !== "" ? value : undefined);
const oneOf = <T extends string>(value: unknown, ...known: T[]) => known.find((word) => word === value);

/**
 * Search values are plain texts: by default the router would parse `f=100` as a number and quote
 * it.
 */
const parseSearch = (search: string): Search => Object.fromEntries(new URLSearchParams(search));

function stringifySearch(search: Search): string {
  const known = Object.entries(search).filter(([, value]) => value !== undefined);
  const query = new URLSearchParams(known.map(([name, value]) => [name, String(value)])).toString();
  return query && `?${query}`;
}

const root = createRootRouteWithContext<{ queryClient: QueryClient }>()();

/** Why a browser is sent to the sign-in page. */
const REASONS = ["expired", "logout", "failed", "initialPassword", "refused", "providerDown"] as const;

const signIn = createRoute({
  getParentRoute: () => root,
  path: "/signin",
  validateSearch: (search: Search): { next?: string; reason?: (typeof REASONS)[number] } => ({
    next: text(search.next),
    reason: oneOf(search.reason, ...REASONS),
  }),
  component: lazyRouteComponent(() => import("../pages/SignIn"), "SignIn"),
});

/** Everything behind the sign-in. */
const shell = createRoute({
  getParentRoute: () => root,
  id: "in",
  beforeLoad: async ({ context, location }) => {
    try {
      await context.queryClient.query({ ...boot, staleTime: "static" });
    } catch (error) {
      if (!isSignedOut(error)) throw error;
      throw redirect({ to: "/signin", search: location.href === "/" ? {} : { next: location.href } });
    }
  },
  component: lazyRouteComponent(() => import("../parts/Shell"), "Shell"),
});

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  validateSearch: (search: Search): { tab?: "all"; q?: string } => ({
    tab: oneOf(search.tab, "all"),
    q: text(search.q),
  }),
  component: lazyRouteComponent(() => import("../pages/Home"), "Home"),
});

const newApp = createRoute({
  getParentRoute: () => shell,
  path: "/new",
  component: lazyRouteComponent(() => import("../pages/NewApp"), "NewApp"),
});

const appFrame = createRoute({
  getParentRoute: () => shell,
  path: "/a/$app",
  component: lazyRouteComponent(() => import("../pages/AppFrame"), "AppFrame"),
});

const app = createRoute({
  getParentRoute: () => appFrame,
  path: "/",
  component: lazyRouteComponent(() => import("../pages/App"), "App"),
});

const namespaces = createRoute({
  getParentRoute: () => appFrame,
  path: "/c/$env/$cluster",
  component: lazyRouteComponent(() => import("../pages/Namespaces"), "Namespaces"),
});

const namespace = createRoute({
  getParentRoute: () => namespaces,
  path: "/$ns",
  validateSearch: (search: Search): { view?: "history"; f?: string } => ({
    view: oneOf(search.view, "history"),
    f: text(search.f),
  }),
  component: lazyRouteComponent(() => import("../pages/Namespace"), "Namespace"),
});

const publish = createRoute({
  getParentRoute: () => appFrame,
  path: "/publish",
  validateSearch: (search: Search): { t: string } => ({ t: text(search.t) ?? "" }),
  component: lazyRouteComponent(() => import("../pages/Publish"), "Publish"),
});

const rollback = createRoute({
  getParentRoute: () => appFrame,
  path: "/rollback/$env/$releaseId",
  validateSearch: (search: Search): { to: number } => ({ to: Number(search.to) || 0 }),
  component: lazyRouteComponent(() => import("../pages/Rollback"), "Rollback"),
});

const tree = root.addChildren([
  signIn,
  shell.addChildren([
    home,
    newApp,
    appFrame.addChildren([app, namespaces.addChildren([namespace]), publish, rollback]),
  ]),
]);

export function createTree(queryClient: QueryClient, prefix: string) {
  return createRouter({
    routeTree: tree,
    basepath: prefix || "/",
    context: { queryClient },
    parseSearch,
    stringifySearch,
    defaultPreload: "intent",
    // The query cache decides whether data is fresh.
    defaultPreloadStaleTime: 0,
    defaultErrorComponent: PageFailure,
    defaultNotFoundComponent: NotFound,
    defaultPendingComponent: PageLoading,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createTree>;
  }
}
