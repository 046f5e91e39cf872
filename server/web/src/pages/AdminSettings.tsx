// Settings that are rows of the ServerConfig tables: every known key with its meaning, its value and the
// source of that, and other rows.
import { Button, Checkbox, NativeSelect } from "@mantine/core";
import { IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { queryOptions, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { deleteSetting, knownSettings, serverSettings } from "../api/admin";
import { useBoot } from "../api/queries";
import type { SettingSource } from "../api/schema";
import { Confirm } from "../components/Confirm";
import { DataTable } from "../components/DataTable";
import { FilterField } from "../components/FilterField";
import { Main } from "../components/Main";
import { Since } from "../components/Since";
import { Empty, Loaded } from "../components/States";
import { hiddenBy, isSecret, settingRows, shownValue, type SettingRow } from "../text/settings";
import classes from "./Admin.module.css";
import { SettingDialog } from "./SettingDialog";

const route = getRouteApi("/in/admin/settings");

/** The meanings of the keys in Chinese; the server has the English ones. */
const meanings = (language: string) =>
  queryOptions({
    queryKey: ["setting meanings", language],
    staleTime: Infinity,
    queryFn: async (): Promise<Record<string, string>> =>
      language === "zh" ? (await import("../i18n/settings.zh.json")).default : {},
  });

type Act = { env: string | null } & ({ kind: "save"; row: SettingRow | null } | { kind: "delete"; row: SettingRow });

export function AdminSettings() {
  const { t, i18n } = useTranslation();
  const { q = "", env: chosen, changed } = route.useSearch();
  const navigate = route.useNavigate();
  const { envs } = useBoot();
  const env = chosen ?? null;
  const stored = useQuery(serverSettings(env));
  const described = useQuery(knownSettings(env));
  const translated = useQuery(meanings(i18n.language)).data ?? {};
  const [act, setAct] = useState<Act | null>(null);
  const onClose = () => setAct(null);
  // Without the stored rows, each key would seem to have its default, and would be saved without a revision.
  const unread = stored.data === undefined ? stored : described;
  // The back button may lead to the table of another environment, which has other rows.
  if (act && act.env !== env) onClose();
  const set = (part: { q?: string | undefined; env?: string | undefined; changed?: "yes" | undefined }) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  const known = (described.data ?? []).map((setting) => ({
    ...setting,
    about: translated[setting.key ?? ""] ?? setting.about?.replaceAll("`", ""),
  }));
  const rows = settingRows(known, stored.data ?? []).filter(
    (row) => (changed === undefined || row.stored) && textOf(row).includes(q.toLowerCase()),
  );
  return (
    <Main title={t("admin.section.settings")}>
      <div className="row">
        <h1>{t("admin.section.settings")}</h1>
        <NativeSelect
          aria-label={t("setting.table")}
          value={env ?? ""}
          data={[{ value: "", label: t("setting.portal") }, ...envs.map((name) => ({ value: name, label: name }))]}
          onChange={(event) => set({ env: event.currentTarget.value || undefined })}
        />
        <FilterField label={t("setting.filter")} value={q} onChange={(text) => set({ q: text })} />
        <Checkbox
          label={t("setting.onlyStored")}
          checked={changed !== undefined}
          onChange={(event) => set({ changed: event.currentTarget.checked ? "yes" : undefined })}
        />
        <Button
          className="push"
          variant="default"
          leftSection={<IconPlus size={16} />}
          onClick={() => setAct({ env, kind: "save", row: null })}
        >
          {t("setting.new")}
        </Button>
      </div>
      <p className="note">{t("setting.help")}</p>
      <Loaded<unknown> query={unread}>
        {() =>
          rows.length === 0 ? (
            <Empty title={t("state.noMatch")} />
          ) : (
            <DataTable
              label={t("admin.section.settings")}
              rows={rows}
              rowKey={(row) => `${row.key} ${row.cluster}`}
              columns={[
                { name: t("setting.key"), cell: (row) => <About row={row} /> },
                { name: t("setting.value"), cell: (row) => <Value row={row} /> },
                { name: t("setting.source"), isNarrow: true, cell: (row) => <Source row={row} /> },
                { name: t("setting.effect"), isNarrow: true, cell: (row) => <Effect row={row} /> },
              ]}
              actions={(row) => {
                const edit = {
                  label: t("setting.edit", { key: row.key }),
                  icon: IconPencil,
                  onClick: () => setAct({ env, kind: "save", row }),
                };
                const remove = {
                  label: t("setting.delete", { key: row.key }),
                  icon: IconTrash,
                  onClick: () => setAct({ env, kind: "delete", row }),
                };
                if (row.known?.effect === "never" && !row.stored) return [];
                return row.stored ? [edit, remove] : [edit];
              }}
            />
          )
        }
      </Loaded>
      {act?.kind === "save" && <SettingDialog env={act.env} row={act.row} onClose={onClose} />}
      {act?.kind === "delete" && <Delete env={act.env} row={act.row} onClose={onClose} />}
    </Main>
  );
}

const textOf = ({ key, known, stored }: SettingRow) =>
  `${key} ${known?.about ?? ""} ${stored?.comment ?? ""}`.toLowerCase();

function About({ row: { key, cluster, known, stored } }: { row: SettingRow }) {
  return (
    <>
      <b className="mono">{key}</b>{" "}
      {cluster !== "" && cluster !== "default" && <span className="badge">{cluster}</span>}
      <div className="note">{known?.about ?? stored?.comment}</div>
    </>
  );
}

function Value({ row }: { row: SettingRow }) {
  const { t } = useTranslation();
  const { known, stored } = row;
  const inEffect = known?.value ?? "";
  const isHidden = hiddenBy(row) !== undefined && known?.value !== undefined;
  const shown = stored?.value ?? inEffect;
  // The server leaves out values with passwords.
  const isMasked = (isSecret(row) && shown !== "") || (!stored && known !== undefined && known.value === undefined);
  return (
    <>
      <span className={classes.value}>
        {isMasked ? "••••••••" : shownValue(shown) || <span className="note">{t("setting.empty")}</span>}
      </span>
      {isHidden && <div className="note">{t("setting.inEffect", { value: inEffect || "–" })}</div>}
      {known && (stored ?? known.source?.kind !== "default") && (
        <div className="note">{t("setting.fallback", { value: known.defaultValue || "–" })}</div>
      )}
    </>
  );
}

function Source({ row }: { row: SettingRow }) {
  const { t } = useTranslation();
  const { known, stored } = row;
  const hiding = hiddenBy(row);
  const { kind = "default", name } = (stored ? undefined : known?.source) ?? { kind: stored ? "table" : "default" };
  return (
    <>
      <SourceName kind={kind} name={name} />
      {stored && (
        <div className="note">
          <Since by={stored.dataChangeLastModifiedBy} time={stored.dataChangeLastModifiedTime} />
        </div>
      )}
      {hiding?.kind === "default" && <div className="note">{t("setting.invalid")}</div>}
      {hiding && hiding.kind !== "default" && (
        <div className="note">
          {t("setting.hiddenBy")} <SourceName {...hiding} />
        </div>
      )}
    </>
  );
}

function SourceName({ kind = "default", name }: SettingSource) {
  const { t } = useTranslation();
  if (kind === "default") return <span className="note">{t("setting.from.default")}</span>;
  return (
    <>
      <span className="badge">{t(`setting.from.${kind as "table" | "variable" | "file"}`)}</span>{" "}
      {kind !== "table" && <small className="mono">{name}</small>}
    </>
  );
}

const EFFECTS = { minute: "setting.soon", restart: "setting.restart", never: "setting.ofNode" } as const;

function Effect({ row: { known } }: { row: SettingRow }) {
  const { t } = useTranslation();
  if (!known) return <span className="note">{t("setting.unknown")}</span>;
  return <span className="note">{t(EFFECTS[(known.effect ?? "minute") as keyof typeof EFFECTS])}</span>;
}

function Delete({ env, row, onClose }: { env: string | null; row: SettingRow; onClose: () => void }) {
  const { t } = useTranslation();
  const write = useAction(
    () => deleteSetting(env, row.key, row.cluster, row.stored?.revision),
    [serverSettings(env).queryKey, ["root"]],
    onClose,
  );
  return (
    <Confirm
      title={t("setting.delete", { key: row.key })}
      action={t("setting.deleteAct")}
      danger
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t("setting.deleteText", { value: row.known?.defaultValue || "–" })}</p>
    </Confirm>
  );
}
