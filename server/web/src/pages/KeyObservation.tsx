// Which clients would be rejected if an access key was enforced, as far as they were observed.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { unsignedClients, type AccessKey } from "../api/settings";
import { Since } from "../components/Since";
import { Failure } from "../components/States";
import classes from "./AppSettings.module.css";

interface Props {
  app: string;
  env: string;
  accessKey: AccessKey;
  /** Whether the addresses are shown at first. */
  isOpen?: boolean;
}

export function KeyObservation({ accessKey, ...props }: Props) {
  const { t } = useTranslation();
  if (accessKey.mode === "off") return <p className="note">{t("settings.keys.observed.off")}</p>;
  return <Observed {...props} since={accessKey.at} />;
}

function Observed({ app, env, since, isOpen }: Omit<Props, "accessKey"> & { since: string | undefined }) {
  const { t } = useTranslation();
  const { data, error, refetch } = useQuery(unsignedClients(app, env));
  if (error) return <Failure error={error} onRetry={() => void refetch()} />;
  if (!data) return null;
  if (!data.known) return <p className="note">{t("settings.keys.observed.unknown")}</p>;
  const { count = 0, more, newest = [] } = data;
  if (count === 0) {
    return (
      <p className="note">
        {t("settings.keys.observed.none")} <Since time={since} />
      </p>
    );
  }
  return (
    <details className={classes.observed} open={isOpen}>
      <summary>{t(more ? "settings.keys.observed.more" : "settings.keys.observed.clients", { count })}</summary>
      {count > newest.length && <p className="note">{t("settings.keys.observed.newest", { count: newest.length })}</p>}
      <ul>
        {newest.map(({ ip, lastTime }) => (
          <li key={ip}>
            <span className="mono">{ip}</span> <Since time={lastTime} />
          </li>
        ))}
      </ul>
    </details>
  );
}
