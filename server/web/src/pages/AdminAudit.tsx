// What was done through the portal: who, what, when and from where; a row opens the whole request.
import { Button } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconListDetails } from "@tabler/icons-react";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { auditLogs, auditTrace } from "../api/admin";
import type { AuditLog, AuditLogDataInfluence } from "../api/schema";
import { DataTable } from "../components/DataTable";
import { Dialog } from "../components/Dialog";
import { FilterField } from "../components/FilterField";
import { Main } from "../components/Main";
import { Since } from "../components/Since";
import { Empty, Failure, Loaded, PageLoading } from "../components/States";
import { useTyped } from "../components/useTyped";
import { auditQuery } from "../text/audit";
import classes from "./AdminAudit.module.css";

const route = getRouteApi("/in/admin/audit");

/** Milliseconds without a keystroke after which the search begins. */
const PAUSE = 300;

export function AdminAudit() {
  const { t } = useTranslation();
  const { q = "", app = "", user = "", from = "", to = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const [query] = useDebouncedValue(auditQuery({ q, app, user, from, to }), PAUSE);
  const logs = useInfiniteQuery(auditLogs(query));
  const [open, setOpen] = useState<AuditLog | null>(null);
  const set = (part: Partial<Record<"q" | "app" | "user" | "from" | "to", string | undefined>>) =>
    void navigate({ search: (old) => ({ ...old, ...part }), replace: true });
  const found = logs.data?.pages.flat() ?? [];
  return (
    <Main title={t("admin.section.audit")}>
      <h1>{t("admin.section.audit")}</h1>
      <div className="row">
        <FilterField label={t("audit.filter")} value={q} onChange={(text) => set({ q: text })} />
        <label className={classes.field}>
          {t("audit.app")}
          <input spellCheck={false} {...useTyped(app, (text) => set({ app: text || undefined }))} />
        </label>
        <label className={classes.field}>
          {t("audit.user")}
          <input spellCheck={false} {...useTyped(user, (text) => set({ user: text || undefined }))} />
        </label>
        <label className={classes.field}>
          {t("audit.from")}
          <input type="datetime-local" value={from} onChange={(event) => set({ from: event.currentTarget.value })} />
        </label>
        <label className={classes.field}>
          {t("audit.to")}
          <input type="datetime-local" value={to} onChange={(event) => set({ to: event.currentTarget.value })} />
        </label>
      </div>
      {logs.isError && <Failure error={logs.error} onRetry={() => void logs.refetch()} />}
      {logs.isPending ? (
        <PageLoading />
      ) : found.length === 0 ? (
        <Empty title={t(q || app || user || from || to ? "state.noMatch" : "audit.none")} />
      ) : (
        <DataTable
          label={t("admin.section.audit")}
          rows={found}
          rowKey={({ id = 0 }) => id}
          columns={[
            { name: t("audit.time"), cell: ({ happenedTime }) => <Since time={happenedTime} /> },
            { name: t("audit.who"), cell: ({ operator }) => <b>{operator}</b> },
            { name: t("audit.what"), cell: ({ opName }) => opName },
            { name: t("audit.request"), cell: ({ description }) => <span className="wrap">{description}</span> },
          ]}
          actions={(log) => [
            { label: t("audit.open", { name: log.opName }), icon: IconListDetails, onClick: () => setOpen(log) },
          ]}
        />
      )}
      {logs.hasNextPage && (
        <div className="row">
          <Button variant="default" loading={logs.isFetchingNextPage} onClick={() => void logs.fetchNextPage()}>
            {t("audit.more")}
          </Button>
        </div>
      )}
      {open && <Trace log={open} onClose={() => setOpen(null)} />}
    </Main>
  );
}

function Trace({ log, onClose }: { log: AuditLog; onClose: () => void }) {
  const { t } = useTranslation();
  const trace = useQuery(auditTrace(log.traceId ?? ""));
  return (
    <Dialog size="xl" title={log.opName ?? ""} onClose={onClose}>
      <div className="stack">
        <p>
          <b>{log.operator}</b> · <Since time={log.happenedTime} />
        </p>
        <p className="wrap">{log.description}</p>
        <Loaded query={trace}>
          {(entries) => {
            const fields = entries.flatMap(({ dataInfluenceDTOList = [] }) => dataInfluenceDTOList);
            return fields.length > 0 ? <Fields fields={fields} /> : <Empty title={t("audit.noFields")} />;
          }}
        </Loaded>
      </div>
    </Dialog>
  );
}

function Fields({ fields }: { fields: AuditLogDataInfluence[] }) {
  const { t } = useTranslation();
  return (
    <DataTable
      label={t("audit.fields")}
      rows={fields}
      rowKey={({ id = 0 }) => id}
      columns={[
        {
          name: t("audit.row"),
          cell: ({ influenceEntityName, influenceEntityId }) => `${influenceEntityName} ${influenceEntityId}`,
        },
        { name: t("audit.field"), cell: ({ fieldName }) => fieldName },
        { name: t("audit.before"), cell: ({ fieldOldValue }) => <span className="wrap">{fieldOldValue}</span> },
        { name: t("audit.after"), cell: ({ fieldNewValue }) => <span className="wrap">{fieldNewValue}</span> },
      ]}
    />
  );
}
