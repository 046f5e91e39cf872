// The requests for access that the user may decide, by app; nothing if there are none.
import { IconKey } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { waitingRequests } from "../api/requests";

/** Apps that are listed; administrators of all apps may have many. */
const MOST = 5;

export function WaitingRequests() {
  const { t } = useTranslation();
  const waiting = useQuery(waitingRequests).data ?? [];
  if (waiting.length === 0) return null;
  const apps = new Map<string, number>();
  for (const { appId } of waiting) apps.set(appId, (apps.get(appId) ?? 0) + 1);
  return (
    <section className="row" aria-label={t("request.waiting", { count: waiting.length })}>
      <IconKey size={18} stroke={1.8} aria-hidden />
      <b>{t("request.waiting", { count: waiting.length })}</b>
      {[...apps].slice(0, MOST).map(([app, count]) => (
        <Link key={app} to="/a/$app/access" params={{ app }} search={{ requests: "open" }}>
          {count > 1 ? `${app} (${count})` : app}
        </Link>
      ))}
      {apps.size > MOST && <span className="note">{t("request.moreApps", { count: apps.size - MOST })}</span>}
    </section>
  );
}
