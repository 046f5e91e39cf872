// Placeholders for parts that are loading, failed, empty or missing. Shared by all pages; fetches
// nothing.
import { Button, Skeleton } from "@mantine/core";
import { IconAlertTriangleFilled, IconRefresh } from "@tabler/icons-react";
import type { UseQueryResult } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { ApiError, errorKind, isStale } from "../api/errors";

/** Shows what happened and what to do, in place of the failed part. */
export function Failure({ error, onRetry }: { error: unknown; onRetry?: (() => void) | undefined }) {
  const { t } = useTranslation();
  const kind = errorKind(error);
  const { status, code, message, retryAfterSeconds } = error instanceof ApiError ? error : pageError(error);
  // For a refusal the server's message is the best explanation; otherwise it is a detail.
  const told = kind === "refused" || kind === "conflict";
  return (
    <div className="failure" role="alert">
      <IconAlertTriangleFilled size={18} aria-hidden />
      <div>
        <strong>{t(`error.${kind}.what`)}</strong>
        {told && message && <p className="mono wrap">{message}</p>}
        <p>{t(`error.${kind}.todo`, { seconds: retryAfterSeconds ?? 60 })}</p>
        {!told && message && (
          <details>
            <summary>{t("error.details")}</summary>
            <code className="wrap">{[status || "", code, message].filter(Boolean).join(" · ")}</code>
          </details>
        )}
      </div>
      {onRetry && (
        <Button variant="default" leftSection={<IconRefresh size={16} />} onClick={onRetry}>
          {t(isStale(error) ? "error.reload" : "error.retry")}
        </Button>
      )}
    </div>
  );
}

function pageError(error: unknown) {
  return { status: 0, code: "", message: String(error), retryAfterSeconds: undefined };
}

/**
 * Shows `children` for the result of a read, or why there is none yet. Old data is shown while it
 * is read again.
 */
export function Loaded<T>({ query, children }: { query: UseQueryResult<T>; children: (data: T) => ReactNode }) {
  if (query.data !== undefined) {
    const again = query.isError && <Failure error={query.error} onRetry={() => void query.refetch()} />;
    return (
      <>
        {again}
        {children(query.data)}
      </>
    );
  }
  if (query.isError) return <Failure error={query.error} onRetry={() => void query.refetch()} />;
  return <PageLoading />;
}

export function PageLoading() {
  const { t } = useTranslation();
  return (
    <div className="stack loading" role="status" aria-label={t("state.loading")}>
      {[1, 2, 3, 4].map((row) => (
        <Skeleton key={row} height={40} />
      ))}
    </div>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p>{title}</p>
      {children}
    </div>
  );
}

/** A filter that selects nothing. */
export function NoMatch({ onClear }: { onClear: () => void }) {
  const { t } = useTranslation();
  return (
    <Empty title={t("state.noMatch")}>
      <Button variant="default" onClick={onClear}>
        {t("state.clearFilter")}
      </Button>
    </Empty>
  );
}

export function NotFound() {
  const { t } = useTranslation();
  return (
    <main className="page">
      <title>{t("state.notFound.title")}</title>
      <h1>{t("state.notFound.title")}</h1>
      <p>{t("state.notFound.text")}</p>
      <Button component="a" href="./">
        {t("state.notFound.home")}
      </Button>
    </main>
  );
}

export function PageFailure({ error, reset }: { error: unknown; reset: () => void }) {
  const router = useRouter();
  const retry = () => {
    reset();
    void router.invalidate();
  };
  return (
    <main className="page">
      <Failure error={error} onRetry={retry} />
    </main>
  );
}
