// The table of an app's access page, with the changes that are not saved yet and their outcome.
import { Button } from "@mantine/core";
import { IconUserPlus } from "@tabler/icons-react";
import { useQueryClient } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import type { OpenUserInfoDTO } from "../api/bodies";
import { ensureRoles, grant, revoke, type Scope } from "../api/roles";
import { Blockable } from "../parts/Blockable";
import table from "../parts/DataTable.module.css";
import { EnvName } from "../parts/EnvSwitch";
import { ResultList } from "../parts/ResultList";
import { Empty } from "../parts/States";
import { UserPicker } from "../parts/UserPicker";
import {
  cellKey,
  changesOf,
  holds,
  peopleIn,
  RIGHTS,
  widerGrant,
  type AccessColumn,
  type AnyRight,
  type Change,
} from "../state/access";
import { useEach } from "../state/each";
import classes from "./Access.module.css";

interface Props {
  app: string;
  columns: AccessColumn[];
  /** Users without any right who were added to the table. */
  added: string[];
  onAdd: (userId: string) => void;
  filter: string;
  mayGrant: boolean;
}

export function AccessMatrix({ app, columns, added, onAdd, filter, mayGrant }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [edits, setEdits] = useState<ReadonlyMap<string, boolean>>(new Map());
  const saving = useEach(saveChange);
  const people = peopleIn(columns, added);
  const shown = people.filter(({ userId, name = "" }) =>
    `${userId} ${name}`.toLowerCase().includes(filter.toLowerCase()),
  );
  const changes = changesOf(columns, edits);
  const refresh = () => cache.invalidateQueries({ queryKey: ["access", app] });
  const save = async () => {
    await saving.run(changes);
    await refresh();
    setEdits(new Map());
  };
  const retry = async () => {
    await saving.retry();
    await refresh();
  };
  const set = (key: string, isOn: boolean) => {
    saving.reset();
    setEdits(new Map(edits).set(key, isOn));
  };
  return (
    <div className="stack">
      {saving.outcomes.length > 0 && (
        <ResultList
          outcomes={saving.outcomes}
          name={(change) => cellKey(change.user, change.column.id, change.right)}
          label={(change) => <ChangeText change={change} />}
          onRetry={() => void retry()}
        />
      )}
      {shown.length === 0 ? (
        <Empty title={t(people.length === 0 ? "access.none" : "state.noMatch")} />
      ) : (
        <div className={`sideways ${classes.frame}`}>
          {/* Cards are no table for the eye, but the roles keep it one for screen readers. */}
          <table className={`${table.table} ${classes.matrix}`} role="table" aria-label={t("access.title")}>
            <thead role="rowgroup">
              <tr role="row">
                <th role="columnheader" scope="col">
                  {t("access.person")}
                </th>
                {columns.map(({ id, scope }) => (
                  <th key={id} role="columnheader" scope="col">
                    <ScopeName scope={scope} />
                  </th>
                ))}
              </tr>
            </thead>
            <tbody role="rowgroup">
              {shown.map((user) => (
                <tr key={user.userId} role="row">
                  <th role="rowheader" scope="row">
                    {user.userId} {user.name !== user.userId && <small className="note">{user.name}</small>}
                  </th>
                  {columns.map((column) => (
                    <td
                      key={column.id}
                      role="cell"
                      data-label={scopeText(column.scope, t("access.allEnvs"), t("access.admin"))}
                    >
                      <Cell {...{ columns, column, user, edits, mayGrant }} onSet={set} />
                    </td>
                  ))}
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      {mayGrant && <AddPerson onAdd={onAdd} />}
      {changes.length > 0 && (
        <section className={classes.bar} aria-label={t("access.unsaved", { count: changes.length })}>
          <b>{t("access.unsaved", { count: changes.length })}</b>
          <Button className="push" variant="default" onClick={() => setEdits(new Map())}>
            {t("access.drop")}
          </Button>
          <Button loading={saving.isPending} onClick={() => void save()}>
            {t("access.save")}
          </Button>
        </section>
      )}
    </div>
  );
}

/** Roles may be missing for environments that are newer than the namespace. */
async function saveChange({ user, column, right, isGrant }: Change) {
  if (!isGrant) return revoke(column.scope, right, user);
  await ensureRoles(column.scope);
  return grant(column.scope, right, user);
}

interface CellProps {
  columns: AccessColumn[];
  column: AccessColumn;
  user: OpenUserInfoDTO;
  edits: ReadonlyMap<string, boolean>;
  mayGrant: boolean;
  onSet: (key: string, isOn: boolean) => void;
}

function Cell({ columns, column, user, edits, mayGrant, onSet }: CellProps) {
  const { t } = useTranslation();
  return (
    <span className={classes.cell}>
      {RIGHTS[column.scope.kind].map((right) => {
        const key = cellKey(user.userId, column.id, right);
        const stored = holds(column, right, user.userId);
        const wider = widerGrant(columns, column, right, user.userId);
        const isOn = wider !== undefined || (edits.get(key) ?? stored);
        const isLastAdmin = right === "admin" && stored && column.holders.admin.length === 1;
        const why = wider ? t("access.inherited") : isLastAdmin ? t("access.lastAdmin") : undefined;
        return (
          <label key={right} data-on={isOn} data-changed={isOn !== stored && !wider} data-wide={wider !== undefined}>
            <Blockable why={mayGrant && why}>
              <input
                type="checkbox"
                checked={isOn}
                disabled={!mayGrant}
                aria-label={t("access.cell", {
                  right: t(`access.right.${right}`),
                  name: user.userId,
                  scope: scopeText(column.scope, t("access.allEnvs"), t("access.app")),
                })}
                onChange={(event) => onSet(key, event.currentTarget.checked)}
              />
            </Blockable>
            <span aria-hidden>{t(`access.right.${right}`)}</span>
          </label>
        );
      })}
    </span>
  );
}

function AddPerson({ onAdd }: { onAdd: (userId: string) => void }) {
  const { t } = useTranslation();
  const [name, setName] = useState("");
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    if (name.trim() === "") return;
    onAdd(name.trim());
    setName("");
  };
  return (
    <form className={`fields ${classes.add}`} onSubmit={submit}>
      <UserPicker className="grow" label={t("access.addPerson")} value={name} onChange={setName} />
      <Button className="low" type="submit" variant="default" leftSection={<IconUserPlus size={16} stroke={1.8} />}>
        {t("access.add")}
      </Button>
    </form>
  );
}

function ScopeName({ scope }: { scope: Scope }) {
  const { t } = useTranslation();
  if (scope.kind === "app") return t("access.admin");
  if (scope.kind === "namespace") return t("access.allEnvs");
  return (
    <>
      <EnvName env={scope.env} /> {scope.kind === "cluster" && scope.cluster}
    </>
  );
}

function ChangeText({ change }: { change: Change }) {
  const { t } = useTranslation();
  const scope = scopeText(change.column.scope, t("access.allEnvs"), t("access.app"));
  const right: AnyRight = change.right;
  return (
    <>
      {t(change.isGrant ? "access.granted" : "access.revoked", {
        right: t(`access.right.${right}`),
        name: change.user,
        scope,
      })}
    </>
  );
}

function scopeText(scope: Scope, allEnvs: string, app: string): string {
  switch (scope.kind) {
    case "app":
      return app;
    case "namespace":
      return allEnvs;
    case "env":
      return scope.env;
    case "cluster":
      return `${scope.env} / ${scope.cluster}`;
  }
}
