// Accounts of the portal: creation, change of name, mail and password, enabling, disabling and deletion.
import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconBan, IconCircleCheck, IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { OpenUserInfoDTO } from "../api/bodies";
import { useBoot } from "../api/queries";
import { deleteUser, enableUser, saveUser, STALE_USERS, usersLike } from "../api/users";
import { Confirm } from "../components/Confirm";
import { DataTable } from "../components/DataTable";
import { Dialog } from "../components/Dialog";
import { DialogEnd } from "../components/DialogEnd";
import { FilterField } from "../components/FilterField";
import { Main } from "../components/Main";
import { Empty, Loaded } from "../components/States";
import { ownSignInWays } from "../state/signIn";
import { checkName } from "../text/check";

const route = getRouteApi("/in/admin/users");
const NAME_LENGTH = 64;
/** After the last keystroke, before the search. */
const PAUSE_MS = 150;
// What another system manages would be created again at the next sign-in.
const { isExternal } = ownSignInWays();
type Act = { kind: "new" } | { kind: "edit" | "enable" | "disable" | "delete"; user: OpenUserInfoDTO };

export function AdminUsers() {
  const { t } = useTranslation();
  const { q = "" } = route.useSearch();
  const navigate = route.useNavigate();
  const { user: self } = useBoot();
  const [wanted] = useDebouncedValue(q, PAUSE_MS);
  const users = useQuery({ ...usersLike(wanted, true), placeholderData: keepPreviousData });
  const [act, setAct] = useState<Act | null>(null);
  const onClose = () => setAct(null);
  const onReload = (seen: OpenUserInfoDTO) => {
    const user = users.data?.find(({ userId }) => userId === seen.userId);
    setAct(user ? { kind: "edit", user } : null);
  };
  return (
    <Main title={t("admin.section.users")}>
      <div className="row">
        <h1>{t("admin.section.users")}</h1>
        <FilterField
          label={t("users.filter")}
          value={q}
          onChange={(text) => void navigate({ search: { q: text }, replace: true })}
        />
        <Button className="push" leftSection={<IconPlus size={16} />} onClick={() => setAct({ kind: "new" })}>
          {t("users.new")}
        </Button>
      </div>
      <Loaded query={users}>
        {(list) =>
          list.length === 0 ? (
            <Empty title={t("state.noMatch")} />
          ) : (
            <DataTable
              label={t("admin.section.users")}
              rows={list}
              rowKey={({ userId }) => userId}
              columns={[
                { name: t("users.userId"), cell: ({ userId }) => <b>{userId}</b> },
                { name: t("users.name"), cell: ({ name }) => name },
                { name: t("users.email"), cell: ({ email }) => email },
                { name: t("item.state"), cell: ({ enabled }) => <Enabled isOn={enabled !== 0} /> },
              ]}
              actions={(user) => {
                const isOn = user.enabled !== 0;
                const kind = isOn ? "disable" : "enable";
                const deletion = {
                  label: t("users.delete", { name: user.userId }),
                  icon: IconTrash,
                  why: user.userId === self.userId && t("why.ownAccount"),
                  onClick: () => setAct({ kind: "delete", user }),
                };
                return [
                  {
                    label: t("users.edit", { name: user.userId }),
                    icon: IconPencil,
                    onClick: () => setAct({ kind: "edit", user }),
                  },
                  {
                    label: t(`users.${kind}`, { name: user.userId }),
                    icon: isOn ? IconBan : IconCircleCheck,
                    why: user.userId === self.userId && t("why.ownAccount"),
                    onClick: () => setAct({ kind, user }),
                  },
                  ...(isExternal ? [] : [deletion]),
                ];
              }}
            />
          )
        }
      </Loaded>
      {act?.kind === "new" && <UserDialog user={null} onClose={onClose} />}
      {act?.kind === "edit" && (
        <UserDialog key={act.user.revision} user={act.user} onReload={() => onReload(act.user)} onClose={onClose} />
      )}
      {(act?.kind === "enable" || act?.kind === "disable") && (
        <Enable user={act.user} isOn={act.kind === "enable"} onClose={onClose} />
      )}
      {act?.kind === "delete" && <Delete user={act.user} onClose={onClose} />}
    </Main>
  );
}

function Enabled({ isOn }: { isOn: boolean }) {
  const { t } = useTranslation();
  return (
    <span className="chip" data-state={isOn ? "live" : "offline"}>
      {t(isOn ? "users.enabled" : "users.disabled")}
    </span>
  );
}

function Enable({ user, isOn, onClose }: { user: OpenUserInfoDTO; isOn: boolean; onClose: () => void }) {
  const { t } = useTranslation();
  const write = useAction(() => enableUser(user.userId, isOn), STALE_USERS, onClose);
  const kind = isOn ? "enable" : "disable";
  return (
    <Confirm
      title={t(`users.${kind}`, { name: user.userId })}
      action={t(`users.${kind}Act`)}
      danger={!isOn}
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t(`users.${kind}Text`)}</p>
    </Confirm>
  );
}

function Delete({ user, onClose }: { user: OpenUserInfoDTO; onClose: () => void }) {
  const { t } = useTranslation();
  const write = useAction(() => deleteUser(user), STALE_USERS, onClose);
  return (
    <Confirm
      title={t("users.delete", { name: user.userId })}
      action={t("users.deleteAct")}
      danger
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t("users.deleteText")}</p>
    </Confirm>
  );
}

interface UserDialogProps {
  user: OpenUserInfoDTO | null;
  onReload?: () => void;
  onClose: () => void;
}

function UserDialog({ user, onReload, onClose }: UserDialogProps) {
  const { t } = useTranslation();
  const [account, setAccount] = useState({
    username: user?.userId ?? "",
    userDisplayName: user?.name ?? "",
    email: user?.email ?? "",
    password: "",
  });
  const [isChecked, setIsChecked] = useState(false);
  const write = useAction(
    // Without an own name, the user name is shown.
    () =>
      saveUser(user, {
        ...account,
        userDisplayName: account.userDisplayName || account.username,
        ...(user === null && { enabled: 1 }),
      }),
    STALE_USERS,
    onClose,
  );
  const problem = checkName(account.username, NAME_LENGTH);
  const field = (name: keyof typeof account) => ({
    value: account[name],
    onChange: (event: { currentTarget: { value: string } }) =>
      setAccount({ ...account, [name]: event.currentTarget.value }),
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (problem === null) write.mutate(undefined);
  };
  return (
    <Dialog title={user ? t("users.edit", { name: user.userId }) : t("users.new")} onClose={onClose}>
      <form className="stack" noValidate onSubmit={submit}>
        <TextInput
          label={t("users.userId")}
          {...field("username")}
          readOnly={user !== null}
          data-autofocus={user === null || undefined}
          error={isChecked && problem && t(`check.${problem}`)}
        />
        <TextInput label={t("users.name")} {...field("userDisplayName")} data-autofocus={user !== null || undefined} />
        <TextInput label={t("users.email")} type="email" {...field("email")} />
        <PasswordInput
          label={t(user ? "users.newPassword" : "users.password")}
          description={t(user ? "users.keepPassword" : "users.passwordHelp")}
          autoComplete="new-password"
          visibilityToggleButtonProps={{ "aria-label": t("signIn.reveal") }}
          {...field("password")}
        />
        <DialogEnd
          write={write}
          action={t(user ? "users.save" : "users.create")}
          onReload={onReload}
          onClose={onClose}
        />
      </form>
    </Dialog>
  );
}
