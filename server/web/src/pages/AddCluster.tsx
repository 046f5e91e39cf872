// Dialog that creates a cluster of an app in several environments at once.
import { Button, Checkbox, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { createCluster } from "../api/settings";
import { Blockable } from "../components/Blockable";
import { Dialog } from "../components/Dialog";
import { ResultList } from "../components/ResultList";
import { useEach } from "../state/each";
import type { SectionProps } from "./SettingsGeneral";

export function AddCluster({ app, places, onClose }: SectionProps & { onClose: () => void }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [name, setName] = useState("");
  const [problem, setProblem] = useState<"required" | "appId" | "noEnv" | null>(null);
  const [envs, setEnvs] = useState(places.filter(({ clusters }) => clusters?.length).map(({ env }) => env));
  const { outcomes, isPending, run, retry } = useEach(
    (env: string) => createCluster(app, env, name.trim()),
    () => void cache.invalidateQueries({ queryKey: ["app", app] }),
  );
  const onSubmit = (event: SyntheticEvent) => {
    event.preventDefault();
    const text = name.trim();
    const found =
      text === "" ? "required" : /^[0-9a-zA-Z_.-]+$/.test(text) ? (envs.length === 0 ? "noEnv" : null) : "appId";
    setProblem(found);
    if (!found) void run(envs);
  };
  return (
    <Dialog title={t("settings.clusters.add")} onClose={onClose}>
      {outcomes.length > 0 ? (
        <div className="stack">
          <ResultList outcomes={outcomes} name={(env) => env} onRetry={() => void retry()} />
          <div className="row end">
            <Blockable why={isPending && t("why.running")}>
              <Button variant="default" onClick={onClose}>
                {t("act.close")}
              </Button>
            </Blockable>
          </div>
        </div>
      ) : (
        <form className="stack" onSubmit={onSubmit}>
          <TextInput
            label={t("env.cluster")}
            value={name}
            error={problem && t(problem === "noEnv" ? "settings.clusters.noEnv" : `check.${problem}`)}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
          />
          <fieldset className="stack">
            <legend>{t("app.environments")}</legend>
            {places.map(({ env, clusters }) => (
              <Checkbox
                key={env}
                label={env}
                disabled={!clusters?.length}
                checked={envs.includes(env)}
                onChange={(event) =>
                  setEnvs(event.currentTarget.checked ? [...envs, env] : envs.filter((other) => other !== env))
                }
              />
            ))}
          </fieldset>
          <div className="row end">
            <Button variant="default" onClick={onClose}>
              {t("act.cancel")}
            </Button>
            <Button type="submit">{t("settings.clusters.add")}</Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
