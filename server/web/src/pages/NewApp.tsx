// Form of a new app, or of a copy of another one. The server creates it in every reachable environment
// with the namespace `application`; the overview, or the list of what was copied, then reports the
// outcome for each of them.
import { Button, Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { appDetail, envClusters, organizations, useBoot } from "../api/queries";
import type { OpenAppDTO, OpenEnvClusterDTO, OpenOrganizationDto } from "../api/bodies";
import { createApp, useWrite } from "../api/writes";
import { Main } from "../components/Main";
import { Failure, Loaded } from "../components/States";
import { TargetTree } from "../components/TargetTree";
import { UserPicker } from "../components/UserPicker";
import { APP_NAME_LENGTH, checkAppId, checkName, type Problem } from "../text/check";
import { Copied, useCopies } from "./DuplicateApp";

const PAUSE_MS = 300;

const route = getRouteApi("/in/new");

export function NewApp() {
  const { t } = useTranslation();
  const { from } = route.useSearch();
  const query = useQuery(organizations);
  const title = from === undefined ? t("newApp.title") : t("duplicate.app", { name: from });
  return (
    <Main title={title} className="page narrow">
      <h1>{title}</h1>
      <Loaded query={query}>
        {(departments) =>
          from === undefined ? <Form departments={departments} /> : <Copy from={from} departments={departments} />
        }
      </Loaded>
    </Main>
  );
}

interface FormProps {
  departments: OpenOrganizationDto[];
  source?: { app: OpenAppDTO; places: OpenEnvClusterDTO[] };
}

function Copy({ from, departments }: FormProps & { from: string }) {
  const detail = useQuery(appDetail(from));
  const clusters = useQuery(envClusters(from));
  return (
    <Loaded query={detail}>
      {(app) => (
        <Loaded query={clusters}>
          {(places) => app && <Form departments={departments} source={{ app, places }} />}
        </Loaded>
      )}
    </Loaded>
  );
}

function Form({ departments, source }: FormProps) {
  const { t } = useTranslation();
  const { user } = useBoot();
  const navigate = route.useNavigate();
  const { app: wanted = "" } = route.useSearch();
  const [app, setApp] = useState({
    orgId: source?.app.orgId ?? departments[0]?.orgId ?? "",
    appId: wanted,
    name: source?.app.name ?? "",
    ownerName: user.userId,
    admins: "",
  });
  const copies = useCopies(source, app.appId);
  const [canEdit, setCanEdit] = useState(true);
  const [checked, setChecked] = useState<Partial<Record<keyof typeof app, boolean>>>({});
  const [searched] = useDebouncedValue(app.appId, PAUSE_MS);
  const taken = useQuery({ ...appDetail(searched), enabled: checkAppId(searched) === null, retry: false });
  const isTaken = searched === app.appId && taken.isSuccess && taken.data !== null;
  const write = useWrite(createApp, { app: app.appId }, () =>
    copies.chosen.length > 0
      ? void copies.run(copies.chosen)
      : void navigate({ to: "/a/$app", params: { app: app.appId }, search: { created: "1" } }),
  );
  const problems: Partial<Record<keyof typeof app, Problem | null>> = {
    orgId: checkName(app.orgId, APP_NAME_LENGTH),
    appId: checkAppId(app.appId) ?? (isTaken ? "appIdTaken" : null),
    name: checkName(app.name, APP_NAME_LENGTH),
    ownerName: checkName(app.ownerName, APP_NAME_LENGTH),
  };
  const field = (name: keyof typeof app) => ({
    name,
    label: t(`newApp.${name}`),
    value: app[name],
    error: (checked[name] || problems[name] === "appIdTaken") && problems[name] && t(`check.${problems[name]}`),
    onBlur: () => setChecked({ ...checked, [name]: true }),
    onChange: (event: { currentTarget: { value: string } }) => setApp({ ...app, [name]: event.currentTarget.value }),
  });
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setChecked({ orgId: true, appId: true, name: true, ownerName: true });
    const wrong = Object.entries(problems).find(([, problem]) => problem)?.[0];
    if (wrong) {
      event.currentTarget.querySelector<HTMLElement>(`[name=${wrong}]`)?.focus();
      return;
    }
    const orgName = departments.find((department) => department.orgId === app.orgId)?.orgName ?? app.orgId;
    const { appId, name, orgId, ownerName } = app;
    write.mutate({
      assignAppRoleToSelf: canEdit,
      admins: app.admins.split(/[\s,，]+/).filter(Boolean),
      app: { appId, name, orgId, orgName, ownerName },
    });
  };
  if (copies.outcomes.length > 0) return <Copied app={app.appId} copies={copies} />;
  return (
    <form className="card stack" noValidate onSubmit={submit}>
      {source && <p className="note">{t("duplicate.appAbout")}</p>}
      {departments.length > 0 ? (
        <NativeSelect
          {...field("orgId")}
          data={departments.map(({ orgId, orgName }) => ({ value: orgId, label: `${orgName} (${orgId})` }))}
        />
      ) : (
        <TextInput {...field("orgId")} />
      )}
      <TextInput
        {...field("appId")}
        classNames={{ input: "mono" }}
        description={t("newApp.appIdHelp")}
        spellCheck={false}
        autoFocus
      />
      <TextInput {...field("name")} />
      <UserPicker
        {...field("ownerName")}
        description={t("newApp.ownerHelp")}
        onChange={(ownerName) => setApp({ ...app, ownerName })}
      />
      <TextInput {...field("admins")} description={t("newApp.adminsHelp")} />
      <Checkbox
        label={t("newApp.canEdit")}
        checked={canEdit}
        onChange={(event) => setCanEdit(event.currentTarget.checked)}
      />
      {source && (
        <TargetTree
          legend={t("duplicate.itemsOf")}
          places={source.places}
          chosen={copies.chosen}
          onChange={copies.setChosen}
        />
      )}
      {write.error && <Failure error={write.error} />}
      <div className="row end">
        {/* Until the page of the app is shown. */}
        <Button type="submit" loading={write.isPending || write.isSuccess}>
          {t("newApp.create")}
        </Button>
      </div>
    </form>
  );
}
