// Dialog that creates a namespace like another one of the app, and copies its items in chosen clusters.
import { Button, TextInput } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useRef, useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { OpenAppNamespaceDTO, OpenEnvClusterDTO } from "../api/bodies";
import { copyItems, createLike, isDefined, nameOfCopy, suffixOf } from "../api/duplicate";
import { NAMESPACE_LENGTH } from "../api/namespaces";
import { Blockable } from "../components/Blockable";
import { Dialog } from "../components/Dialog";
import { ResultList } from "../components/ResultList";
import { Failure } from "../components/States";
import { TargetTree, type Target } from "../components/TargetTree";
import { useEach } from "../state/each";
import { checkName } from "../text/check";

interface Props {
  namespace: OpenAppNamespaceDTO;
  /** All namespaces of the app. */
  names: string[];
  places: OpenEnvClusterDTO[];
  onClose: () => void;
}

export function DuplicateNamespace({ namespace, names, places, onClose }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const { appId: app, name: from } = namespace;
  const suffix = suffixOf(namespace);
  const [name, setName] = useState(() => nameOfCopy(namespace, names));
  /** The full name that was refused because a namespace has it. */
  const [taken, setTaken] = useState("");
  /** The full name that was free when its creation began, which may have succeeded although no answer arrived. */
  const begun = useRef("");
  const [chosen, setChosen] = useState<Target[]>(
    places.flatMap(({ env, clusters = [] }) => clusters.map((cluster) => ({ env, cluster }))),
  );
  const [isChecked, setChecked] = useState(false);
  const full = name.trim() + suffix;
  const problem =
    checkName(name, NAMESPACE_LENGTH - suffix.length) ??
    (/^[0-9a-zA-Z_.-]+$/.test(name) ? null : "appId") ??
    (full === taken ? "namespaceTaken" : null);
  const copies = useEach(
    (target: Target) => copyItems({ app, ...target, ns: from }, { app, ...target, ns: full }),
    ({ env, cluster }) => void cache.invalidateQueries({ queryKey: ["list", app, env, cluster] }),
  );
  const create = useAction(
    async () => {
      const isTaken = begun.current !== full && (await isDefined(app, full));
      if (isTaken) setTaken(full);
      else begun.current = full;
      return isTaken ? null : createLike(namespace, app, name.trim());
    },
    [
      ["app", app],
      ["list", app],
    ],
    (made) => void (made && copies.run(chosen)),
  );
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setChecked(true);
    if (!problem) create.mutate(undefined);
  };
  const [first] = chosen;
  return (
    <Dialog title={t("duplicate.namespace", { name: from })} onClose={onClose}>
      {create.data ? (
        <div className="stack">
          {chosen.length > 0 && (
            <ResultList
              outcomes={copies.outcomes}
              name={({ env, cluster }) => `${env} / ${cluster}`}
              onRetry={() => void copies.retry()}
            />
          )}
          <div className="row end">
            {first && (
              <Blockable why={copies.isPending && t("why.running")}>
                <Button
                  renderRoot={(props) => (
                    <Link {...props} to="/a/$app/c/$env/$cluster/$ns" params={{ app, ...first, ns: full }} />
                  )}
                >
                  {t("duplicate.open", { name: full })}
                </Button>
              </Blockable>
            )}
            <Blockable why={copies.isPending && t("why.running")}>
              <Button variant="default" onClick={onClose}>
                {t("act.close")}
              </Button>
            </Blockable>
          </div>
        </div>
      ) : (
        <form className="stack" noValidate onSubmit={submit}>
          <p className="note">{t("duplicate.namespaceAbout")}</p>
          <TextInput
            label={t("newNamespace.name")}
            classNames={{ input: "mono" }}
            spellCheck={false}
            readOnly={create.isPending}
            value={name}
            error={isChecked && problem && t(`check.${problem}`)}
            description={suffix && t("newNamespace.suffix", { suffix })}
            onChange={(event) => setName(event.currentTarget.value)}
            data-autofocus
          />
          <TargetTree legend={t("duplicate.itemsOf")} places={places} chosen={chosen} onChange={setChosen} />
          {create.error && <Failure error={create.error} />}
          <div className="row end">
            <Button variant="default" onClick={onClose}>
              {t("act.cancel")}
            </Button>
            <Button type="submit" loading={create.isPending}>
              {t("duplicate.act")}
            </Button>
          </div>
        </form>
      )}
    </Dialog>
  );
}
