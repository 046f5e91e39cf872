// A namespace that the app defines and this cluster lacks: why, and adding it.
import { Button } from "@mantine/core";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { addMissingNamespaces } from "../api/presence";
import type { Place } from "../api/queries";
import { Main } from "../components/Main";
import { Failure } from "../components/States";

export function MissingNamespace({ place }: { place: Place }) {
  const { t } = useTranslation();
  const { app, env, cluster, ns } = place;
  const cache = useQueryClient();
  const write = useMutation({
    mutationFn: () => addMissingNamespaces(place),
    onSettled: async () => {
      await cache.invalidateQueries({ queryKey: ["draft", app, env, cluster] });
      await cache.invalidateQueries({ queryKey: ["list", app, env, cluster] });
    },
  });
  return (
    <Main title={`${ns} / ${env}`} className="page">
      <div className="empty">
        <h1>{ns}</h1>
        <p>{t("namespace.missingHere", { env, cluster })}</p>
        <p>{t("namespace.missingWhy")}</p>
        {write.error && <Failure error={write.error} />}
        <Button loading={write.isPending} onClick={() => write.mutate()}>
          {t("namespace.addMissing", { env, cluster })}
        </Button>
      </div>
    </Main>
  );
}
