// Form of a new namespace: one of the app itself, which all clusters receive, or the association with
// a public namespace of another app in chosen clusters.
import { Button, Checkbox, NativeSelect, Radio, TextInput } from "@mantine/core";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { OpenAppNamespaceDTO } from "../api/bodies";
import { associate, createNamespace, NAMESPACE_FORMATS, NAMESPACE_LENGTH } from "../api/namespaces";
import { envClusters } from "../api/queries";
import { useMayBePrivate, useMayCreate } from "../api/rights";
import { masters } from "../api/roles";
import { publicNamespaces } from "../api/search";
import { Main } from "../components/Main";
import { Blockable } from "../components/Blockable";
import { NoRight } from "../components/NoRight";
import { ResultList } from "../components/ResultList";
import { Empty, Failure, Loaded } from "../components/States";
import { TargetTree, type Target } from "../components/TargetTree";
import { useEach } from "../state/each";
import { checkName } from "../text/check";

const route = getRouteApi("/in/a/$app/new-namespace");

const KINDS = ["own", "associated"] as const;
type Kind = (typeof KINDS)[number];

export function NewNamespace() {
  const { t } = useTranslation();
  const { app } = route.useParams();
  const mayCreate = useMayCreate("Namespace", app);
  const admins = useQuery(masters(app)).data ?? [];
  const [kind, setKind] = useState<Kind>("own");
  return (
    <Main title={t("newNamespace.title")} className="page narrow">
      <h1>{t("newNamespace.title")}</h1>
      {mayCreate === false ? (
        <NoRight rights={{ admins }} needed={t("newNamespace.noRight")} />
      ) : (
        <div className="card stack">
          <Radio.Group label={t("newNamespace.kind")} value={kind} onChange={(value) => setKind(value)}>
            {KINDS.map((value) => (
              <Radio key={value} value={value} mt="xs" label={t(`newNamespace.kinds.${value}`)} />
            ))}
          </Radio.Group>
          {kind === "own" ? <Own app={app} /> : <Associated app={app} />}
        </div>
      )}
    </Main>
  );
}

/** Opens a namespace in the first cluster that the app has, or in this one. */
function useOpen(app: string) {
  const navigate = route.useNavigate();
  const [first] = useQuery(envClusters(app)).data?.filter(({ clusters }) => clusters?.length) ?? [];
  return (ns: string, place?: Target) => {
    const { env = "", cluster = "" } = place ?? { env: first?.env, cluster: first?.clusters?.[0] };
    void navigate({ to: "/a/$app/c/$env/$cluster/$ns", params: { app, env, cluster, ns }, search: {} });
  };
}

function Own({ app }: { app: string }) {
  const { t } = useTranslation();
  const open = useOpen(app);
  const [name, setName] = useState("");
  const [format, setFormat] = useState<string>("properties");
  const [comment, setComment] = useState("");
  const mayBePrivate = useMayBePrivate();
  const [isChosen, setPublic] = useState(false);
  const isPublic = isChosen || !mayBePrivate;
  const [hasPrefix, setPrefix] = useState(false);
  const [checked, setChecked] = useState(false);
  const suffix = format === "properties" ? "" : `.${format}`;
  const problem =
    checkName(name, NAMESPACE_LENGTH - suffix.length) ?? (/^[0-9a-zA-Z_.-]+$/.test(name) ? null : "appId");
  const write = useAction(
    createNamespace,
    [
      ["app", app],
      ["list", app],
    ],
    (made) => open(made?.name ?? name + suffix),
  );
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setChecked(true);
    if (problem) return;
    write.mutate({ appId: app, name, format, isPublic, comment, appendNamespacePrefix: isPublic && hasPrefix });
  };
  return (
    <form className="stack" noValidate onSubmit={submit}>
      <div className="fields">
        <TextInput
          label={t("newNamespace.name")}
          className="grow"
          classNames={{ input: "mono" }}
          spellCheck={false}
          value={name}
          error={checked && problem && t(`check.${problem}`)}
          description={suffix && t("newNamespace.suffix", { suffix })}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <NativeSelect
          label={t("publicNamespaces.format")}
          value={format}
          data={[...NAMESPACE_FORMATS]}
          onChange={(event) => setFormat(event.currentTarget.value)}
        />
      </div>
      <Checkbox
        label={t("newNamespace.public")}
        description={t(mayBePrivate ? "newNamespace.publicHelp" : "newNamespace.publicOnly")}
        checked={isPublic}
        disabled={!mayBePrivate}
        onChange={(event) => setPublic(event.currentTarget.checked)}
      />
      {isPublic && (
        <Checkbox
          label={t("newNamespace.prefix")}
          checked={hasPrefix}
          onChange={(event) => setPrefix(event.currentTarget.checked)}
        />
      )}
      <TextInput
        label={t("item.comment")}
        value={comment}
        onChange={(event) => setComment(event.currentTarget.value)}
      />
      {write.error && <Failure error={write.error} />}
      <div className="row end">
        {/* Until its page is shown. */}
        <Button type="submit" loading={write.isPending || write.isSuccess}>
          {t("newNamespace.create")}
        </Button>
      </div>
    </form>
  );
}

function Associated({ app }: { app: string }) {
  const { t } = useTranslation();
  const all = useQuery(publicNamespaces);
  return (
    <Loaded query={all}>
      {(list) => {
        const others = list.filter(({ appId }) => appId !== app);
        return others.length > 0 ? (
          <Association app={app} others={others} />
        ) : (
          <Empty title={t("publicNamespaces.none")} />
        );
      }}
    </Loaded>
  );
}

function Association({ app, others }: { app: string; others: OpenAppNamespaceDTO[] }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const open = useOpen(app);
  const places = useQuery(envClusters(app)).data ?? [];
  const every = places.flatMap(({ env, clusters }) => (clusters ?? []).map((cluster): Target => ({ env, cluster })));
  const [name, setName] = useState(others[0]?.name ?? "");
  const [chosen, setChosen] = useState<Target[] | null>(null);
  const targets = chosen ?? every;
  const each = useEach(
    ({ env, cluster }: Target) => associate(app, env, cluster, name),
    ({ env, cluster }) => void cache.invalidateQueries({ queryKey: ["list", app, env, cluster] }),
  );
  const done = each.outcomes.find(({ state }) => state === "done")?.target;
  return (
    <div className="stack">
      <NativeSelect
        label={t("publicNamespaces.name")}
        value={name}
        data={others.map(({ name, appId }) => ({ value: name, label: `${name} (${appId})` }))}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <p className="note">{t("newNamespace.associatedHelp")}</p>
      {each.outcomes.length > 0 ? (
        <ResultList
          outcomes={each.outcomes}
          name={({ env, cluster }) => `${env} / ${cluster}`}
          onRetry={() => void each.retry()}
        />
      ) : (
        <TargetTree legend={t("newNamespace.targets")} places={places} chosen={targets} onChange={setChosen} />
      )}
      <div className="row end">
        {done ? (
          <Blockable why={each.isPending && t("why.running")}>
            <Button onClick={() => open(name, done)}>{t("newNamespace.open", { name })}</Button>
          </Blockable>
        ) : (
          <Blockable why={targets.length === 0 && t("why.noTarget")}>
            <Button loading={each.isPending} onClick={() => void each.run(targets)}>
              {t("newNamespace.associate")}
            </Button>
          </Blockable>
        )}
      </div>
    </div>
  );
}
