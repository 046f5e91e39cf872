// Creating namespaces, associating public ones, and reading what an association inherits.
import { queryOptions } from "@tanstack/react-query";

import type { OpenAppNamespaceDTO, OpenNamespaceDTO } from "./bodies";
import { get, path, send } from "./client";
import { namespacePath, type Place } from "./queries";

export const NAMESPACE_FORMATS = ["properties", "yaml", "yml", "json", "xml", "txt"] as const;
/** Of the name with its suffix. */
export const NAMESPACE_LENGTH = 32;

/** Creates a namespace in all clusters. Its name receives the suffix of its format. */
export function createNamespace(namespace: OpenAppNamespaceDTO & { appId: string }) {
  return send<OpenAppNamespaceDTO>("POST", path`apps/${namespace.appId}/appnamespaces`, namespace);
}

/** Associates a public namespace of another app, whose keys can then be overridden. */
export function associate(app: string, env: string, cluster: string, name: string) {
  return send("POST", "namespaces", [{ appId: app, env, clusterName: cluster, appNamespaceName: name }]);
}

/** The public namespace that an associated one overrides, with its items and their live values. */
export const parentNamespace = (at: Place) =>
  queryOptions({
    queryKey: ["draft", at.app, at.env, at.cluster, at.ns, "parent"],
    queryFn: () => get<OpenNamespaceDTO>(`${namespacePath(at)}/associated-public-namespace?extendInfo=true`),
  });
