// Copies of namespaces and apps: their items with types and comments, as unpublished changes. Each
// step first looks at what exists, so that it can be repeated after a failure.
import type { OpenAppNamespaceDTO, OpenEnvClusterDTO, OpenNamespaceDTO } from "./bodies";
import { download, get, path, send } from "./client";
import { associate, createNamespace } from "./namespaces";
import type { Place } from "./queries";
import { createCluster } from "./settings";

type Cluster = Omit<Place, "ns">;

function itemsPath({ app, env, cluster, ns }: Place): string {
  return path`apps/${app}/envs/${env}/clusters/${cluster}/namespaces/${ns}/items`;
}

/** Adds the items of a namespace to another one of the same format. */
export async function copyItems(from: Place, to: Place): Promise<void> {
  const items = await download(`${itemsPath(from)}/export`);
  if (items === "[]") return;
  const form = new FormData();
  form.set("file", new File([items], "items.json", { type: "application/json" }));
  await send("POST", `${itemsPath(to)}/import`, form);
}

/** Creates a namespace like another one of the app, without its items; returns its full name. */
export async function createLike(like: OpenAppNamespaceDTO, app: string, name: string): Promise<string> {
  const { format = "properties", comment = "" } = like;
  const full = format === "properties" ? name : `${name}.${format}`;
  const known = await get<OpenAppNamespaceDTO[]>(path`apps/${app}/appnamespaces`);
  if (known?.some((other) => other.name === full)) return full;
  const made = await createNamespace({
    appId: app,
    name,
    format,
    isPublic: false,
    appendNamespacePrefix: false,
    comment,
  });
  return made?.name ?? full;
}

/** Copies a cluster of an app with its namespaces into another app. */
export async function copyCluster(from: Cluster, app: string): Promise<void> {
  const { env, cluster } = from;
  const existing = await get<OpenEnvClusterDTO[]>(path`apps/${app}/envclusters`);
  if (!existing?.find((place) => place.env === env)?.clusters?.includes(cluster)) {
    await createCluster(app, env, cluster);
  }
  const [source, defined, present] = await Promise.all([
    namespacesOf(from),
    get<OpenAppNamespaceDTO[]>(path`apps/${from.app}/appnamespaces`),
    namespacesOf({ ...from, app }),
  ]);
  for (const { namespaceName: ns, extendInfo } of source) {
    const own = defined?.find(({ name }) => name === ns);
    const isPresent = present.some(({ namespaceName }) => namespaceName === ns);
    if (extendInfo?.isConfigHidden || (own?.isPublic && !isPresent)) continue;
    if (own && !isPresent) await createLike(own, app, baseName(own));
    if (!own && !isPresent) await associate(app, env, cluster, ns);
    await copyItems({ ...from, ns }, { ...from, app, ns });
  }
}

/** The name without the suffix of its format, which the server adds. */
export function baseName({ name, format = "properties" }: OpenAppNamespaceDTO): string {
  return format !== "properties" && name.endsWith(`.${format}`) ? name.slice(0, -format.length - 1) : name;
}

async function namespacesOf({ app, env, cluster }: Cluster): Promise<OpenNamespaceDTO[]> {
  const list = path`envs/${env}/apps/${app}/clusters/${cluster}/namespaces`;
  return (await get<OpenNamespaceDTO[]>(`${list}?fillItemDetail=false&extendInfo=true`)) ?? [];
}
