// Definitions of the namespaces of an app, which exist in all its clusters, and their deletion.
import { Button } from "@mantine/core";
import { IconCopy, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { OpenAppNamespaceDTO } from "../api/bodies";
import { appNamespaces } from "../api/queries";
import { useAppAdmin, useMayBePrivate, useMayCreate } from "../api/rights";
import { deleteAppNamespace, namespaceUsage } from "../api/settings";
import { ConfirmName } from "../components/ConfirmName";
import { Filtered } from "../components/Filtered";
import { Empty, Loaded } from "../components/States";
import { inNameOrder } from "../state/namespaces";
import classes from "./AppSettings.module.css";
import { DuplicateNamespace } from "./DuplicateNamespace";
import type { SectionProps } from "./SettingsGeneral";

const route = getRouteApi("/in/a/$app/settings/$section");

export function SettingsNamespaces({ app, places }: SectionProps) {
  const { t } = useTranslation();
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const list = useQuery(appNamespaces(app));
  const isAdmin = useAppAdmin(app);
  const mayCreate = useMayCreate("Namespace", app) === true;
  // A copy is private.
  const mayDuplicate = useMayBePrivate() && mayCreate;
  const [deleting, setDeleting] = useState<string | null>(null);
  const [duplicating, setDuplicating] = useState<OpenAppNamespaceDTO | null>(null);
  return (
    <>
      <div className="row">
        <p className="note">{t("settings.namespaces.about")}</p>
        {mayCreate && (
          <Button
            className="push"
            renderRoot={(props) => <Link {...props} to="/a/$app/new-namespace" params={{ app }} />}
          >
            {t("newNamespace.title")}
          </Button>
        )}
      </div>
      <Loaded query={list}>
        {(namespaces) =>
          namespaces.length === 0 ? (
            <Empty title={t("namespace.none")} />
          ) : (
            <Filtered
              label={t("namespace.filter")}
              all={inNameOrder(namespaces)}
              textOf={({ name, format = "", comment = "" }) => [name, format, comment].join("\n")}
              filter={q}
              onFilter={(q) => void navigate({ search: { q }, replace: true })}
            >
              {(found) => (
                <ul className={`sheet ${classes.rows}`}>
                  {found.map((namespace) => {
                    const { name, format = "properties", isPublic, comment } = namespace;
                    return (
                      <li key={name}>
                        <span className={`mono ${classes.grow}`}>{name}</span>
                        <span className="badge">{format}</span>
                        <span className="badge">{t(isPublic ? "namespace.public" : "namespace.private")}</span>
                        <span className="note">{comment}</span>
                        {mayDuplicate && (
                          <Button
                            variant="default"
                            leftSection={<IconCopy size={16} />}
                            aria-label={t("duplicate.namespace", { name })}
                            onClick={() => setDuplicating(namespace)}
                          >
                            {t("duplicate.start")}
                          </Button>
                        )}
                        {isAdmin && (
                          <Button
                            variant="default"
                            leftSection={<IconTrash size={16} />}
                            aria-label={t("settings.namespaces.deleteOf", { name })}
                            onClick={() => setDeleting(name)}
                          >
                            {t("act.delete")}
                          </Button>
                        )}
                      </li>
                    );
                  })}
                </ul>
              )}
            </Filtered>
          )
        }
      </Loaded>
      {duplicating && (
        <DuplicateNamespace
          namespace={duplicating}
          names={list.data?.map(({ name }) => name) ?? []}
          places={places}
          onClose={() => setDuplicating(null)}
        />
      )}
      {deleting !== null && <Delete app={app} name={deleting} onClose={() => setDeleting(null)} />}
    </>
  );
}

function Delete({ app, name, onClose }: { app: string; name: string; onClose: () => void }) {
  const { t } = useTranslation();
  const usage = useQuery(namespaceUsage(app, name));
  const remove = useAction(
    () => deleteAppNamespace(app, name),
    [
      ["app", app],
      ["list", app],
    ],
    onClose,
  );
  return (
    <ConfirmName
      title={t("settings.namespaces.delete")}
      action={t("settings.namespaces.delete")}
      name={name}
      write={remove}
      onConfirm={() => remove.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t("settings.namespaces.deleteText", { name })}</p>
      <Loaded query={usage}>
        {(rows) => {
          const used = rows.filter(
            (row) => (row.instanceCount ?? 0) + (row.branchInstanceCount ?? 0) + (row.linkedNamespaceCount ?? 0) > 0,
          );
          if (used.length === 0) return <p>{t("settings.namespaces.unused")}</p>;
          return (
            <ul>
              {used.map((row) => (
                <li key={`${row.envName ?? ""}/${row.clusterName ?? ""}`}>
                  <b>
                    {row.envName} / {row.clusterName}
                  </b>{" "}
                  {t("settings.namespaces.instances", {
                    count: (row.instanceCount ?? 0) + (row.branchInstanceCount ?? 0),
                  })}{" "}
                  · {t("settings.namespaces.linked", { count: row.linkedNamespaceCount ?? 0 })}
                </li>
              ))}
            </ul>
          );
        }}
      </Loaded>
    </ConfirmName>
  );
}
