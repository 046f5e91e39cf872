// Name, department and owner of an app, and the way to a copy of it.
import { Button, TextInput } from "@mantine/core";
import { IconCopy } from "@tabler/icons-react";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { AppDetail, OpenEnvClusterDTO } from "../api/bodies";
import { isStale } from "../api/errors";
import { mayCreateApps } from "../api/home";
import { appDetail, useBoot } from "../api/queries";
import { useAppAdmin } from "../api/rights";
import { updateApp } from "../api/settings";
import { DepartmentSelect } from "../components/DepartmentSelect";
import { Failure, Loaded } from "../components/States";
import { UserPicker } from "../components/UserPicker";
import { APP_NAME_LENGTH, checkName } from "../text/check";

export interface SectionProps {
  app: string;
  places: OpenEnvClusterDTO[];
}

export function SettingsGeneral({ app }: SectionProps) {
  const detail = useQuery(appDetail(app));
  return (
    <Loaded query={detail}>
      {(found) =>
        found && (
          <>
            <Form stored={found} />
            <Duplicate app={app} />
          </>
        )
      }
    </Loaded>
  );
}

/** For those who may create apps. */
function Duplicate({ app }: { app: string }) {
  const { t } = useTranslation();
  const isAllowed = useQuery(mayCreateApps(useBoot().user.userId)).data === true;
  if (!isAllowed) return null;
  return (
    <section className="card stack" aria-labelledby="duplicate">
      <h2 id="duplicate">{t("duplicate.app", { name: app })}</h2>
      <p className="note">{t("duplicate.appAbout")}</p>
      <div>
        <Button
          variant="default"
          leftSection={<IconCopy size={16} />}
          renderRoot={(props) => <Link {...props} to="/new" search={{ from: app }} />}
        >
          {t("duplicate.start")}
        </Button>
      </div>
    </section>
  );
}

function Form({ stored }: { stored: AppDetail }) {
  const { t } = useTranslation();
  const isAdmin = useAppAdmin(stored.appId);
  const [form, setForm] = useState(stored);
  const [problem, setProblem] = useState<ReturnType<typeof checkName>>(null);
  const cache = useQueryClient();
  const write = async (app: AppDetail) => {
    await updateApp(app);
    return cache.query({ ...appDetail(app.appId), staleTime: 0 });
  };
  // The next change is based on this one, and never on one that the form does not show.
  const save = useAction(write, [["app", stored.appId], ["home"]], (saved) => saved && setForm(saved));
  const onSubmit = (event: SyntheticEvent) => {
    event.preventDefault();
    const found = checkName(form.name, APP_NAME_LENGTH);
    setProblem(found);
    if (!found) save.mutate(form);
  };
  const reload = () => {
    setForm(stored);
    save.reset();
  };
  if (!isAdmin) {
    return (
      <dl className="card stack">
        {[
          [t("newApp.appId"), stored.appId],
          [t("newApp.name"), stored.name],
          [t("newApp.orgId"), stored.orgName],
          [t("newApp.ownerName"), stored.ownerDisplayName ?? stored.ownerName],
        ].map(([name, value]) => (
          <div key={name}>
            <dt className="note">{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
    );
  }
  return (
    <form className="card stack" onSubmit={onSubmit}>
      <TextInput label={t("newApp.appId")} value={stored.appId} readOnly description={t("settings.general.appId")} />
      <TextInput
        label={t("newApp.name")}
        value={form.name}
        error={problem && t(`check.${problem}`)}
        onChange={(event) => setForm({ ...form, name: event.currentTarget.value })}
      />
      <DepartmentSelect
        value={{ orgId: form.orgId ?? "", orgName: form.orgName ?? "" }}
        onChange={(department) => setForm({ ...form, ...department })}
      />
      <UserPicker
        label={t("newApp.ownerName")}
        description={t("newApp.ownerHelp")}
        value={form.ownerName ?? ""}
        onChange={(ownerName) => setForm({ ...form, ownerName })}
      />
      {save.error && <Failure error={save.error} onRetry={isStale(save.error) ? reload : undefined} />}
      <div className="row end">
        <span role="status" className="note">
          {save.isSuccess && t("settings.general.saved")}
        </span>
        <Button type="submit" loading={save.isPending}>
          {t("item.save")}
        </Button>
      </div>
    </form>
  );
}
