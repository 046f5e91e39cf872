// Choice of environment and cluster: a row of radio buttons on wide screens, one list on narrow ones.
import { NativeSelect } from "@mantine/core";
import { IconShieldCheckFilled } from "@tabler/icons-react";
import { useRef, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import type { OpenEnvClusterDTO } from "../api/bodies";
import { useShortcuts } from "../state/keys";
import classes from "./EnvSwitch.module.css";
import { StateChip } from "./StateChip";

/** Apollo's names of the production environment. */
const PRODUCTION = ["PRO", "PROD"];

export function isProduction(env: string): boolean {
  return PRODUCTION.includes(env.toUpperCase());
}

export function EnvName({ env }: { env: string }) {
  const { t } = useTranslation();
  if (!isProduction(env)) return <span className={classes.name}>{env}</span>;
  return (
    <span className={classes.production} title={t("env.production")}>
      <IconShieldCheckFilled size={13} aria-hidden />
      {env}
    </span>
  );
}

interface Props {
  places: OpenEnvClusterDTO[];
  env: string;
  cluster: string;
  onChange: (env: string, cluster: string) => void;
}

export function EnvSwitch({ places, env, cluster, onChange }: Props) {
  const { t } = useTranslation();
  // The list is unknown while it loads, and for an unreachable environment.
  const clusters = places.find((place) => place.env === env)?.clusters ?? [];
  const choices = useRef<HTMLFieldSetElement>(null);
  useShortcuts({ "Shift+E": () => choices.current?.querySelector<HTMLElement>("input:checked")?.focus() });
  // After that, its first letter chooses an environment.
  const pressed = ({ key, ctrlKey, metaKey, altKey }: KeyboardEvent) => {
    // Ctrl+P prints the page.
    if (ctrlKey || metaKey || altKey) return;
    const wanted = places.filter((place) => place.clusters?.length && place.env !== env);
    const place = wanted.find((place) => place.env.toLowerCase().startsWith(key.toLowerCase()));
    if (place) onChange(place.env, nearest(place.clusters ?? [], cluster));
  };
  return (
    <>
      <fieldset className={classes.wide} ref={choices} onKeyDown={pressed}>
        <legend className="unseen">{t("env.environment")}</legend>
        {places.map((place) => (
          <label key={place.env} className={classes.choice} title={place.error ?? undefined}>
            <input
              type="radio"
              className="unseen"
              name="env"
              checked={place.env === env}
              disabled={!place.clusters?.length}
              onChange={() => onChange(place.env, nearest(place.clusters ?? [], cluster))}
            />
            {place.clusters?.length ? <EnvName env={place.env} /> : <Offline env={place.env} />}
          </label>
        ))}
      </fieldset>
      <NativeSelect
        className={classes.wide}
        aria-label={t("env.cluster")}
        data={clusters.length > 0 ? clusters : [cluster]}
        value={cluster}
        onChange={(event) => onChange(env, event.currentTarget.value)}
      />
      <NativeSelect
        className={classes.narrow}
        aria-label={t("env.environmentAndCluster")}
        value={`${env}/${cluster}`}
        data={places.flatMap((place) =>
          (place.clusters ?? []).map((name) => ({ value: `${place.env}/${name}`, label: `${place.env} / ${name}` })),
        )}
        onChange={(event) => {
          const [chosenEnv = env, chosenCluster = cluster] = event.currentTarget.value.split("/");
          onChange(chosenEnv, chosenCluster);
        }}
      />
    </>
  );
}

function Offline({ env }: { env: string }) {
  return (
    <span className={classes.name}>
      {env} <StateChip state="offline" />
    </span>
  );
}

/** The same cluster in another environment, else the default one, which every environment has. */
export function nearest(clusters: string[], wanted: string): string {
  return clusters.find((name) => name === wanted) ?? clusters.find((name) => name === "default") ?? clusters[0] ?? "";
}
