// The outcome of creating an app: in which environments it exists, and which lack it so far.
import { Button } from "@mantine/core";
import { IconX } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
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
  const retry = useMutation({
    // The list shows what came of it.
    mutationFn: (envs: string[]) => Promise.allSettled(envs.map((env) => addToEnv({ app, env }))),
    onSettled: () => cache.invalidateQueries({ queryKey: ["app", app.appId] }),
  });
  if (!places) return null;
  const missing = places.filter(({ clusters }) => !clusters?.length).map(({ env }) => env);
  const outcomes = places.map(({ env, error }): Outcome<string> => {
    if (!missing.includes(env)) return { target: env, state: "done" };
    if (retry.isPending) return { target: env, state: "running" };
    return { target: env, state: "failed", error: new ApiError(500, error ?? "") };
  });
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
        onRetry={() => retry.mutate(missing)}
      />
    </section>
  );
}
