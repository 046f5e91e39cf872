// Adds a new key to further environments and clusters once it was added to the shown one.
import { Button } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { envClusters, type Place } from "../api/queries";
import { createItem, type Item } from "../api/writes";
import { Choices } from "../components/Choices";
import { Dialog } from "../components/Dialog";
import { ResultList } from "../components/ResultList";
import { useEach } from "../state/each";

interface Addition {
  place: Place;
  item: Item;
}

/** A choice among the other places of the namespace, the writes to those chosen, and their results. */
export function useAddElsewhere(place: Place, onClose: () => void) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [chosen, setChosen] = useState<string[]>([]);
  const all = useQuery(envClusters(place.app)).data ?? [];
  const others = all.flatMap(({ env, clusters }) =>
    (clusters ?? []).map((cluster): Place => ({ ...place, env, cluster })),
  );
  const targets = new Map(others.map((other) => [nameOf(other), other]));
  targets.delete(nameOf(place));
  const each = useEach(
    ({ place, item }: Addition) => createItem(place, item),
    ({ place: { app, env, cluster, ns } }) => {
      const changed = [["home"], ["list", app, env, cluster], ["draft", app, env, cluster, ns]];
      for (const queryKey of changed) void cache.invalidateQueries({ queryKey });
    },
  );
  return {
    isChosen: chosen.length > 0,
    add: (item: Item) => {
      const wanted = chosen.flatMap((name) => targets.get(name) ?? []);
      void each.run(wanted.map((place) => ({ place, item })));
    },
    choice: targets.size > 0 && (
      <Choices label={t("item.alsoIn")} all={[...targets.keys()]} chosen={chosen} onChange={setChosen} />
    ),
    results: each.outcomes.length > 0 && (
      <Dialog title={t("item.addedIn", { name: nameOf(place) })} onClose={onClose}>
        <div className="stack">
          <ResultList outcomes={each.outcomes} name={({ place }) => nameOf(place)} onRetry={() => void each.retry()} />
          <div className="row end">
            <Button loading={each.isPending} onClick={onClose} data-autofocus>
              {t("act.close")}
            </Button>
          </div>
        </div>
      </Dialog>
    ),
  };
}

function nameOf({ env, cluster }: Place): string {
  return `${env} / ${cluster}`;
}
