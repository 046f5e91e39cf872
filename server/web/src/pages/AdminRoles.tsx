// Rights that are not bound to one app: super administrators, and who may create apps.
import { Button } from "@mantine/core";
import { IconTrash, IconUserPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { appCreators, forbidCreation, permitCreation, serverSettings } from "../api/admin";
import { usersLike } from "../api/users";
import { DataTable } from "../components/DataTable";
import { Main } from "../components/Main";
import { Empty, Failure, Loaded } from "../components/States";
import { UserPicker } from "../components/UserPicker";
import { listOf } from "../text/list";

const SUPER_ADMIN = "superAdmin";
const LIMITED = "role.create-application.enabled";

export function AdminRoles() {
  const { t } = useTranslation();
  const settings = useQuery(serverSettings(null));
  const creators = useQuery(appCreators);
  // Of the picker below, with the same call.
  useQuery(usersLike(""));
  const value = (key: string) => settings.data?.find((setting) => setting.key === key)?.value ?? "";
  return (
    <Main title={t("admin.section.roles")}>
      <h1>{t("admin.section.roles")}</h1>
      <section className="card stack" aria-labelledby="roots">
        <h2 id="roots">{t("roles.roots")}</h2>
        <p className="note">{t("roles.rootsHelp")}</p>
        <Loaded query={settings}>
          {() => (
            <p className="row tight">
              {listOf(value(SUPER_ADMIN)).map((name) => (
                <span key={name} className="badge">
                  {name}
                </span>
              ))}
            </p>
          )}
        </Loaded>
        <p>
          <Link to="/admin/settings" search={{ q: SUPER_ADMIN }}>
            {t("roles.changeSetting")}
          </Link>
        </p>
      </section>
      <section className="card stack" aria-labelledby="creators">
        <h2 id="creators">{t("roles.creators")}</h2>
        <p className="note">
          {t(value(LIMITED) === "true" ? "roles.creatorsLimited" : "roles.creatorsOpen")}{" "}
          <Link to="/admin/settings" search={{ q: LIMITED }}>
            {t("roles.changeSetting")}
          </Link>
        </p>
        <Loaded query={creators}>{(list) => <Creators list={list} />}</Loaded>
      </section>
    </Main>
  );
}

const STALE = [appCreators.queryKey];

function Creators({ list }: { list: string[] }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const permit = useAction(permitCreation, STALE, () => setName(""));
  const forbid = useAction(forbidCreation, STALE);
  const error = permit.error ?? forbid.error;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (name.trim() !== "") permit.mutate(name.trim());
  };
  return (
    <>
      {list.length === 0 ? (
        <Empty title={t("roles.noCreators")} />
      ) : (
        <DataTable
          label={t("roles.creators")}
          rows={list}
          rowKey={(user) => user}
          columns={[{ name: t("users.userId"), cell: (user) => user }]}
          actions={(user) => [
            {
              label: t("roles.revoke", { name: user }),
              icon: IconTrash,
              why: forbid.isPending && t("why.sending"),
              onClick: () => forbid.mutate(user),
            },
          ]}
        />
      )}
      {error && <Failure error={error} />}
      <form className="fields" onSubmit={submit}>
        <UserPicker className="grow" label={t("roles.addCreator")} value={name} onChange={setName} />
        <Button
          className="low"
          type="submit"
          variant="default"
          loading={permit.isPending}
          leftSection={<IconUserPlus size={16} stroke={1.8} />}
        >
          {t("access.add")}
        </Button>
      </form>
    </>
  );
}
