// The places of the open app, and of its open namespace, as commands of the palette with their keys.
import { useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { useBoot } from "../api/queries";
import { mayCreate } from "../api/rights";
import { namespaceAddress, publishTarget, search, segments } from "../routes/address";

export interface AppCommand {
  id: string;
  label: string;
  /** Where it applies. */
  detail: string;
  keys?: string;
  /** Address below the prefix path. */
  to: string;
}

export function useAppCommands(): AppCommand[] {
  const { t } = useTranslation();
  const { app = "", env, cluster, ns } = useParams({ strict: false });
  const { userId } = useBoot().user;
  const creates = useQuery({ ...mayCreate(userId, "Namespace", app), enabled: app !== "" }).data === true;
  const addsClusters = useQuery({ ...mayCreate(userId, "Cluster", app), enabled: app !== "" }).data === true;
  if (app === "") return [];
  const place: [string, string][] =
    env !== undefined && cluster !== undefined && ns !== undefined
      ? [
          ["env", env],
          ["cluster", cluster],
          ["ns", ns],
        ]
      : [];
  const ofApp: AppCommand[] = [
    {
      id: "compare",
      label: t("app.compare"),
      detail: ns ?? app,
      keys: "g c",
      to: segments("a", app, "compare") + search(ns === undefined ? [] : [["ns", ns]]),
    },
    {
      id: "history",
      label: t("app.history"),
      detail: ns ?? app,
      keys: "g y",
      to: segments("a", app, "history") + search(place),
    },
    { id: "access", label: t("app.access"), detail: app, keys: "g p", to: segments("a", app, "access") },
    {
      id: "settings",
      label: t("app.settings"),
      detail: app,
      keys: "g s",
      to: segments("a", app, "settings", "general"),
    },
  ];
  if (creates) {
    const to = segments("a", app, "new-namespace");
    ofApp.push({ id: "newNamespace", label: t("newNamespace.title"), detail: app, to });
  }
  if (addsClusters) {
    const to = segments("a", app) + search([["add", "cluster"]]);
    ofApp.push({ id: "newCluster", label: t("settings.clusters.add"), detail: app, to });
  }
  if (env === undefined || cluster === undefined || ns === undefined) return ofApp;
  const address = namespaceAddress(app, env, cluster, ns);
  return [
    {
      id: "publish",
      label: t("change.review"),
      detail: `${ns} / ${env}`,
      keys: "p",
      to: segments("a", app, "publish") + search([["t", publishTarget(env, cluster, ns)]]),
    },
    { id: "text", label: t("namespace.text"), detail: ns, keys: "t", to: address + search([["view", "text"]]) },
    { id: "live", label: t("live.command"), detail: ns, to: address + search([["view", "live"]]) },
    { id: "instances", label: t("instance.title"), detail: ns, to: address + search([["view", "instances"]]) },
    { id: "gray", label: t("gray.title"), detail: ns, to: `${address}/gray` },
    ...ofApp,
  ];
}
