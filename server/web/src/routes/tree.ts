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
import type { Receipt } from "../api/instances";
import { boot } from "../api/queries";
import type { CompareSearch } from "../pages/CompareToolbar";
import type { HistorySearch } from "../pages/History";
import { NotFound, PageFailure, PageLoading } from "../components/States";
import { KINDS } from "../state/history";
import type { Step } from "../state/gray";
import { ALL_SORTS, type Sort } from "../state/sort";
import { AGES } from "../text/format";
import { readEarly } from "./early";

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

interface NamespaceSearch {
  view?: "text" | "live" | "history" | "instances";
  /** Filter of the items. */
  f?: string;
  sort?: Sort;
  /** Keys that a link selects. */
  sel?: string;
  /** Filter and release of the instances, and of what is live. */
  q?: string;
  have?: Receipt;
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
    readEarly(context.queryClient, location.pathname, location.search);
    try {
      await context.queryClient.query({ ...boot, staleTime: "static" });
    } catch (error) {
      if (!isSignedOut(error)) throw error;
      throw redirect({ to: "/signin", search: location.href === "/" ? {} : { next: location.href } });
    }
  },
  component: lazyRouteComponent(() => import("../components/Shell"), "Shell"),
});

const home = createRoute({
  getParentRoute: () => shell,
  path: "/",
  validateSearch: (search: Search): { tab?: "pinned" | "recent" | "team"; q?: string } => ({
    tab: oneOf(search.tab, "pinned", "recent", "team"),
    q: text(search.q),
  }),
  component: lazyRouteComponent(() => import("../pages/Home"), "Home"),
});

const browse = createRoute({
  getParentRoute: () => shell,
  path: "/browse",
  validateSearch: (search: Search): { q?: string; org?: string } => ({ q: text(search.q), org: text(search.org) }),
  component: lazyRouteComponent(() => import("../pages/Browse"), "Browse"),
});

const publicNamespaces = createRoute({
  getParentRoute: () => shell,
  path: "/public",
  validateSearch: (search: Search): { q?: string } => ({ q: text(search.q) }),
  component: lazyRouteComponent(() => import("../pages/PublicNamespaces"), "PublicNamespaces"),
});

const preferences = createRoute({
  getParentRoute: () => shell,
  path: "/me/preferences",
  component: lazyRouteComponent(() => import("../pages/Preferences"), "Preferences"),
});

const tokens = createRoute({
  getParentRoute: () => shell,
  path: "/me/tokens",
  component: lazyRouteComponent(() => import("../pages/Tokens"), "Tokens"),
});

const admin = createRoute({
  getParentRoute: () => shell,
  path: "/admin",
  component: lazyRouteComponent(() => import("../pages/Admin"), "Admin"),
});

const adminStart = createRoute({
  getParentRoute: () => admin,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/admin/users" });
  },
});

const query = (search: Search): { q?: string } => ({ q: text(search.q) });

const adminUsers = createRoute({
  getParentRoute: () => admin,
  path: "/users",
  validateSearch: query,
  component: lazyRouteComponent(() => import("../pages/AdminUsers"), "AdminUsers"),
});

const adminRoles = createRoute({
  getParentRoute: () => admin,
  path: "/roles",
  component: lazyRouteComponent(() => import("../pages/AdminRoles"), "AdminRoles"),
});

const adminConsumers = createRoute({
  getParentRoute: () => admin,
  path: "/consumers",
  component: lazyRouteComponent(() => import("../pages/AdminConsumers"), "AdminConsumers"),
});

const adminTokens = createRoute({
  getParentRoute: () => admin,
  path: "/tokens",
  validateSearch: query,
  component: lazyRouteComponent(() => import("../pages/AdminTokens"), "AdminTokens"),
});

const adminSettings = createRoute({
  getParentRoute: () => admin,
  path: "/settings",
  validateSearch: (search: Search): { q?: string; env?: string; changed?: "yes" } => ({
    q: text(search.q),
    env: text(search.env),
    changed: oneOf(search.changed, "yes"),
  }),
  component: lazyRouteComponent(() => import("../pages/AdminSettings"), "AdminSettings"),
});

const adminHealth = createRoute({
  getParentRoute: () => admin,
  path: "/health",
  component: lazyRouteComponent(() => import("../pages/AdminHealth"), "AdminHealth"),
});

const adminAudit = createRoute({
  getParentRoute: () => admin,
  path: "/audit",
  validateSearch: (search: Search): { q?: string; app?: string; user?: string; from?: string; to?: string } => ({
    q: text(search.q),
    app: text(search.app),
    user: text(search.user),
    from: text(search.from),
    to: text(search.to),
  }),
  component: lazyRouteComponent(() => import("../pages/AdminAudit"), "AdminAudit"),
});

const adminWebhooks = createRoute({
  getParentRoute: () => admin,
  path: "/webhooks",
  component: lazyRouteComponent(() => import("../pages/AdminWebhooks"), "AdminWebhooks"),
});

const adminDeleted = createRoute({
  getParentRoute: () => admin,
  path: "/deleted",
  component: lazyRouteComponent(() => import("../pages/AdminDeleted"), "AdminDeleted"),
});

const newApp = createRoute({
  getParentRoute: () => shell,
  path: "/new",
  validateSearch: (search: Search): { app?: string; from?: string } => ({
    app: text(search.app),
    from: text(search.from),
  }),
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
  validateSearch: (search: Search): { created?: "1"; add?: "cluster" } => ({
    created: oneOf(search.created, "1"),
    add: oneOf(search.add, "cluster"),
  }),
  component: lazyRouteComponent(() => import("../pages/App"), "App"),
});

const namespaces = createRoute({
  getParentRoute: () => appFrame,
  path: "/c/$env/$cluster",
  validateSearch: (search: Search): { list?: string } => ({ list: text(search.list) }),
  // The panel keeps its filter in another cluster.
  remountDeps: ({ params }) => params.app,
  component: lazyRouteComponent(() => import("../pages/Namespaces"), "Namespaces"),
});

const namespace = createRoute({
  getParentRoute: () => namespaces,
  path: "/$ns",
  validateSearch: (search: Search): NamespaceSearch => ({
    view: oneOf(search.view, "text", "live", "history", "instances"),
    f: text(search.f),
    sort: oneOf(search.sort, ...ALL_SORTS),
    sel: text(search.sel),
    q: text(search.q),
    have: oneOf(search.have, "live", "late", "gray"),
  }),
  component: lazyRouteComponent(() => import("../pages/Namespace"), "Namespace"),
});

const gray = createRoute({
  getParentRoute: () => appFrame,
  path: "/c/$env/$cluster/$ns/gray",
  validateSearch: (search: Search): { step?: Step } => ({
    step: oneOf(search.step, "change", "audience", "observe", "finish"),
  }),
  component: lazyRouteComponent(() => import("../pages/Gray"), "Gray"),
});

const newNamespace = createRoute({
  getParentRoute: () => appFrame,
  path: "/new-namespace",
  component: lazyRouteComponent(() => import("../pages/NewNamespace"), "NewNamespace"),
});

const access = createRoute({
  getParentRoute: () => appFrame,
  path: "/access",
  validateSearch: (search: Search): { ns?: string; who?: string; requests?: "open" } => ({
    ns: text(search.ns),
    who: text(search.who),
    requests: oneOf(search.requests, "open"),
  }),
  component: lazyRouteComponent(() => import("../pages/Access"), "Access"),
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
  validateSearch: (search: Search): { to: number; keys?: string } => ({
    to: Number(search.to) || 0,
    keys: text(search.keys),
  }),
  component: lazyRouteComponent(() => import("../pages/Rollback"), "Rollback"),
});

const compare = createRoute({
  getParentRoute: () => appFrame,
  path: "/compare",
  validateSearch: (search: Search): CompareSearch => ({
    base: text(search.base),
    with: text(search.with),
    ns: text(search.ns),
    side: oneOf(search.side, "draft"),
    show: oneOf(search.show, "all"),
    f: text(search.f),
    sel: text(search.sel),
  }),
  component: lazyRouteComponent(() => import("../pages/Compare"), "Compare"),
});

const history = createRoute({
  getParentRoute: () => appFrame,
  path: "/history",
  validateSearch: (search: Search): HistorySearch => ({
    env: text(search.env),
    cluster: text(search.cluster),
    ns: text(search.ns),
    key: text(search.key),
    kind: oneOf(search.kind, ...KINDS),
    by: text(search.by),
    within: oneOf(search.within, ...AGES),
    at: text(search.at),
    against: text(search.against),
  }),
  component: lazyRouteComponent(() => import("../pages/History"), "History"),
});

const appSettings = createRoute({
  getParentRoute: () => appFrame,
  path: "/settings/$section",
  validateSearch: query,
  // The list of sections keeps the focus.
  remountDeps: ({ params }) => params.app,
  component: lazyRouteComponent(() => import("../pages/AppSettings"), "AppSettings"),
});

const tree = root.addChildren([
  signIn,
  shell.addChildren([
    home,
    browse,
    newApp,
    publicNamespaces,
    preferences,
    tokens,
    admin.addChildren([
      adminStart,
      adminUsers,
      adminRoles,
      adminConsumers,
      adminTokens,
      adminSettings,
      adminHealth,
      adminAudit,
      adminWebhooks,
      adminDeleted,
    ]),
    appFrame.addChildren([
      app,
      namespaces.addChildren([namespace]),
      newNamespace,
      publish,
      rollback,
      compare,
      history,
      gray,
      access,
      appSettings,
    ]),
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
    // What is entered on a page belongs to the app, environment, cluster and namespace of its address.
    defaultRemountDeps: ({ params }) => params,
    defaultNotFoundComponent: NotFound,
    defaultPendingComponent: PageLoading,
  });
}

declare module "@tanstack/react-router" {
  interface Register {
    router: ReturnType<typeof createTree>;
  }
}
