// Addresses of Apollo's portal: bookmarks, mails and chat messages keep pointing at its pages, whose
// parameters are in the fragment. Pure: returns the address here, below the prefix path.

import { namespaceAddress, search, segments } from "./address";

type Parameters = Partial<Record<string, string>>;

/** `lost` if the page has no counterpart, or the fragment lacks what it needs. */
export type OldAddress = { to: string } | "lost";

const app = ({ appid }: Parameters) => (appid ? segments("a", appid) : null);

const within = (parameters: Parameters, page: string) => {
  const base = app(parameters);
  return base && base + page;
};

/** The app and its page, filtered by the parameters that the old page was opened with. */
const filtered = (parameters: Parameters, page: string, names: Record<string, string>) => {
  const base = within(parameters, page);
  const query = Object.entries(names).flatMap(([old, name]) => {
    const value = parameters[old];
    return value ? [[name, value] satisfies [string, string]] : [];
  });
  return base && base + search(query);
};

const PLACE = { env: "env", clusterName: "cluster", namespaceName: "ns" };

const PAGES: Record<string, (parameters: Parameters) => string | null> = {
  "/index.html": () => "/",
  "/app.html": () => "/new",
  "/config.html": configuration,
  "/config/history.html": (found) => filtered(found, "/history", { ...PLACE, releaseId: "at" }),
  "/config/diff.html": (found) =>
    filtered(found, "/compare", { env: "base", clusterName: "cluster", namespaceName: "ns" }),
  "/config/sync.html": (found) =>
    filtered(found, "/compare", { env: "base", clusterName: "cluster", namespaceName: "ns" }),
  "/namespace.html": (found) => within(found, "/settings/namespaces"),
  "/namespace/role.html": (found) => filtered(found, "/access", { namespaceName: "ns" }),
  "/cluster.html": (found) => within(found, "/settings/clusters"),
  "/cluster/ns_role.html": (found) => filtered(found, "/access", { env: "env", clusterName: "cluster" }),
  "/app/setting.html": (found) => within(found, "/settings/general"),
  "/app/access_key.html": (found) => within(found, "/settings/keys"),
  "/app/manage_cluster.html": (found) => within(found, "/settings/clusters"),
  "/global_search_value.html": () => "/browse",
  "/user-manage.html": () => "/admin/users",
  "/user-token.html": () => "/me/tokens",
  "/user-token-admin.html": () => "/admin/tokens",
  "/system-role-manage.html": () => "/admin/roles",
  "/open/manage.html": () => "/admin/consumers",
  "/open/add-consumer.html": () => "/admin/consumers",
  "/server_config_manage.html": () => "/admin/settings",
  "/system_info.html": () => "/admin/health",
  "/delete_app_cluster_namespace.html": () => "/browse",
  "/config_export.html": () => "/admin/transfer",
  "/audit_log_menu.html": () => "/admin/audit",
  "/audit_log_trace_detail.html": ({ traceId }) => "/admin/audit" + search(traceId ? [["trace", traceId]] : []),
};

/** Null for an address of this UI. `pathname` is below the prefix path. */
export function oldAddress(pathname: string, hash: string): OldAddress | null {
  const page = PAGES[pathname];
  if (!page) return isOldStartPage(pathname, hash) ? "lost" : null;
  const to = page(parameters(hash));
  return to === null ? "lost" : { to };
}

/** Apollo's pages that exist no more were parts of its start page. */
function isOldStartPage(pathname: string, hash: string): boolean {
  return pathname === "/" && /^#\/?\w+=/.test(hash);
}

/** The namespace; without one the cluster, and without that the app. */
function configuration(found: Parameters): string | null {
  const { appid, env, cluster = "default", namespace, item } = found;
  if (!appid || !env) return app(found);
  if (!namespace) return segments("a", appid, "c", env, cluster);
  return namespaceAddress(appid, env, cluster, namespace, item);
}

/** Both spellings, `#/appid=a&env=DEV` and `#appid=a&env=DEV`, occur. */
function parameters(hash: string): Parameters {
  return Object.fromEntries(new URLSearchParams(hash.replace(/^#?\/?\??/, "")));
}
