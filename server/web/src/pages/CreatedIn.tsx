// The outcome of creating an app: in which environments it exists, and which lack it so far.
import { Button } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useNavigate } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { OpenAppDTO } from "../api/bodies";
import { ApiError } from "../api/errors";
import { addToEnv } from "../api/presence";
import { envClusters } from "../api/queries";
import { EnvName } from "../components/EnvSwitch";
import { ResultList } from "../components/ResultList";
import type { Outcome } from "../state/each";

export function CreatedIn({ app }: { app: OpenAppDTO }) {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const cache = useQueryClient();
  const places = useQuery(envClusters(app.appId)).data;
  if (!places) return null;
  const outcomes = places.map(({ env, clusters, error }): Outcome<string> => {
    if (clusters?.length) return { target: env, state: "done" };
    return { target: env, state: "failed", error: new ApiError(500, error ?? "") };
  });
  const retry = async () => {
    const failed = outcomes.filter(({ state }) => state === "failed");
    // The list shows what came of it.
    await Promise.allSettled(failed.map(({ target }) => addToEnv({ app, env: target })));
    await cache.invalidateQueries({ queryKey: ["app", app.appId] });
  };
  return (
    <section className="card stack" aria-labelledby="created">
      <div className="row">
        <h2 id="created">{t("newApp.created", { app: app.appId })}</h2>
        <Button
          className="push"
          variant="subtle"
          leftSection={<IconX size={16} />}
          onClick={() => void navigate({ to: ".", search: {}, replace: true })}
        >
          {t("act.close")}
        </Button>
      </div>
      <ResultList
        outcomes={outcomes}
        name={(env) => env}
        label={(env) => <EnvName env={env} />}
        note={() => t("newApp.createdNote")}
        onRetry={() => void retry()}
      />
    </section>
  );
}
