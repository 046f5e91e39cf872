// The clusters of an app that a new one receives with their namespaces and items, and the outcome.
import { Button } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { OpenAppDTO, OpenEnvClusterDTO } from "../api/bodies";
import { copyCluster } from "../api/duplicate";
import { Blockable } from "../components/Blockable";
import { ResultList } from "../components/ResultList";
import type { Target } from "../components/TargetTree";
import { useEach } from "../state/each";

/** Without a source, nothing is chosen. */
export function useCopies(source: { app: OpenAppDTO; places: OpenEnvClusterDTO[] } | undefined, app: string) {
  const cache = useQueryClient();
  const [chosen, setChosen] = useState<Target[]>(
    (source?.places ?? []).flatMap(({ env, clusters = [] }) => clusters.map((cluster) => ({ env, cluster }))),
  );
  const each = useEach(
    (target: Target) => copyCluster({ app: source?.app.appId ?? "", ...target }, app),
    ({ env, cluster }) => {
      void cache.invalidateQueries({ queryKey: ["app", app] });
      void cache.invalidateQueries({ queryKey: ["list", app, env, cluster] });
    },
  );
  return { chosen, setChosen, ...each };
}

export function Copied({ app, copies }: { app: string; copies: ReturnType<typeof useCopies> }) {
  const { t } = useTranslation();
  return (
    <div className="card stack">
      <h2>{t("newApp.created", { app })}</h2>
      <ResultList
        outcomes={copies.outcomes}
        name={({ env, cluster }) => `${env} / ${cluster}`}
        onRetry={() => void copies.retry()}
      />
      <div className="row end">
        <Blockable why={copies.isPending && t("why.running")}>
          <Button renderRoot={(props) => <Link {...props} to="/a/$app" params={{ app }} search={{}} />}>
            {t("duplicate.open", { name: app })}
          </Button>
        </Blockable>
      </div>
    </div>
  );
}
