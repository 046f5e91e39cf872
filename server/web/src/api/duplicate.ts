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

/**
 * Copies the items of a namespace to another one of the same format, unless that has items already: they are those of
 * an earlier attempt, which may have been edited since.
 */
export async function copyItems(from: Place, to: Place): Promise<void> {
  const items = await download(`${itemsPath(from)}/export`);
  if (items === "[]") return;
  const form = new FormData();
  form.set("file", new File([items], "items.json", { type: "application/json" }));
  await send("POST", `${itemsPath(to)}/import?conflictAction=ignore`, form);
}

/** Creates a namespace like another one, without its items, unless the app has it; returns its full name. */
export async function createLike(like: OpenAppNamespaceDTO, app: string, name: string): Promise<string> {
  const { format = "properties", comment = "" } = like;
  const full = name + suffixOf(like);
  if (await isDefined(app, full)) return full;
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

/** Whether an app has a namespace of this full name. */
export async function isDefined(app: string, name: string): Promise<boolean> {
  const known = await get<OpenAppNamespaceDTO[]>(path`apps/${app}/appnamespaces`);
  return known?.some((other) => other.name === name) ?? false;
}

/** A name for a copy, without the suffix, with which none of these full names is equal. */
export function nameOfCopy(like: OpenAppNamespaceDTO, names: string[]): string {
  const first = `${baseName(like)}-copy`;
  let name = first;
  for (let number = 2; names.includes(name + suffixOf(like)); number++) name = `${first}-${number}`;
  return name;
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
function baseName(namespace: OpenAppNamespaceDTO): string {
  const [{ name }, suffix] = [namespace, suffixOf(namespace)];
  return suffix && name.endsWith(suffix) ? name.slice(0, -suffix.length) : name;
}

export function suffixOf({ format = "properties" }: OpenAppNamespaceDTO): string {
  return format === "properties" ? "" : `.${format}`;
}

async function namespacesOf({ app, env, cluster }: Cluster): Promise<OpenNamespaceDTO[]> {
  const list = path`envs/${env}/apps/${app}/clusters/${cluster}/namespaces`;
  return (await get<OpenNamespaceDTO[]>(`${list}?fillItemDetail=false&extendInfo=true`)) ?? [];
}
