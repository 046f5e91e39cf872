// The table of an app's access page, with the changes that are not saved yet and their outcome.
import { Button } from "@mantine/core";
import { IconHelpCircle, IconUserPlus } from "@tabler/icons-react";
import { useQueries, useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import type { OpenUserInfoDTO } from "../api/bodies";
import { ApiError } from "../api/errors";
import { envClusters } from "../api/queries";
import { changeRoles, ensureRoles, holders, MOST_CHANGES, type Scope } from "../api/roles";
import { Blockable } from "../components/Blockable";
import table from "../components/DataTable.module.css";
import { EnvName } from "../components/EnvSwitch";
import { LeaveGuard } from "../components/LeaveGuard";
import { ResultList } from "../components/ResultList";
import { Empty } from "../components/States";
import { UserPicker } from "../components/UserPicker";
import {
  cellKey,
  changesOf,
  clusterGrants,
  holds,
  keyOf,
  peopleIn,
  RIGHTS,
  unsavedEdits,
  widerGrant,
  withAdmin,
  type AccessColumn,
  type AnyRight,
  type Change,
} from "../state/access";
import { useTogether } from "../state/each";
import { onMatrixKey } from "./accessKeys";
import { scopeText } from "./accessScope";
import { AccessWhy, type AskedCell } from "./AccessWhy";
import classes from "./Access.module.css";

interface Props {
  app: string;
  columns: AccessColumn[];
  /** Users without any right who were added to the table. */
  added: string[];
  onAdd: (userId: string) => void;
  filter: string;
  mayGrant: boolean;
  /** Whether the user may also change who administers the app. */
  mayAppoint: boolean;
}

export function AccessMatrix({ app, columns, added, onAdd, filter, mayGrant, mayAppoint }: Props) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const [edits, setEdits] = useState<ReadonlyMap<string, boolean>>(new Map());
  const [asked, setAsked] = useState<AskedCell | null>(null);
  const saving = useTogether(saveChanges, MOST_CHANGES);
  const clusters = useClusterGrants(app, columns);
  const people = peopleIn([...columns, ...clusters], added);
  const shown = people.filter(({ userId, name = "" }) =>
    `${userId} ${name}`.toLowerCase().includes(filter.toLowerCase()),
  );
  const changes = changesOf(columns, edits);
  // Until the new state is read, edits that were saved are still among the changes.
  const [isFinishing, setFinishing] = useState(false);
  const finish = async (writing: Promise<Change[]>, sent: ReadonlyMap<string, boolean>) => {
    setFinishing(true);
    const failed = await writing;
    await cache.invalidateQueries({ queryKey: ["access", app] });
    setEdits((now) => unsavedEdits(now, sent, failed));
    setFinishing(false);
  };
  const retry = () => {
    // What was dropped or switched back meanwhile is not wanted any more.
    const again = saving.failed.filter((change) => edits.get(keyOf(change)) === change.isGrant);
    void finish(saving.retry(again), new Map(again.map((change) => [keyOf(change), change.isGrant])));
  };
  const drop = () => {
    if (!saving.isPending) saving.reset();
    setEdits(new Map());
  };
  const set = (key: string, isOn: boolean) => {
    // The button would otherwise send again what is being saved.
    if (!saving.isPending) saving.reset();
    setEdits(new Map(edits).set(key, isOn));
  };
  return (
    <div className="stack">
      {saving.outcomes.length > 0 && (
        <ResultList
          outcomes={saving.outcomes}
          name={keyOf}
          label={(change) => <ChangeText change={change} />}
          onRetry={retry}
        />
      )}
      {shown.length === 0 ? (
        <Empty title={t(people.length === 0 ? "access.none" : "state.noMatch")} />
      ) : (
        <div className={`sideways ${classes.frame}`}>
          {/* Cards are no table for the eye, but the roles keep it one for screen readers. */}
          <table
            className={`${table.table} ${classes.matrix}`}
            role="table"
            aria-label={t("access.title")}
            onKeyDown={(event) =>
              onMatrixKey(event, ({ dataset }) => {
                const column = columns.find(({ id }) => id === dataset.column);
                if (column) setAsked({ user: dataset.user ?? "", column });
              })
            }
          >
            <Head columns={columns} />
            <tbody role="rowgroup">
              {shown.map((user) => (
                <PersonRow
                  key={user.userId}
                  {...{ columns, clusters, user, edits, mayGrant, mayAppoint }}
                  onSet={set}
                  onAsk={setAsked}
                />
              ))}
            </tbody>
          </table>
        </div>
      )}
      {mayGrant && <AddPerson onAdd={onAdd} />}
      {changes.length > 0 && !isFinishing && <LeaveGuard areLost parameter="ns" />}
      {changes.length > 0 && (
        <Unsaved
          count={changes.length}
          isPending={saving.isPending}
          onDrop={drop}
          onSave={() => void finish(saving.run(changes), edits)}
        />
      )}
      {asked && (
        <AccessWhy app={app} columns={columns} clusters={clusters} cell={asked} onClose={() => setAsked(null)} />
      )}
    </div>
  );
}

interface UnsavedProps {
  count: number;
  isPending: boolean;
  onDrop: () => void;
  onSave: () => void;
}

function Unsaved({ count, isPending, onDrop, onSave }: UnsavedProps) {
  const { t } = useTranslation();
  return (
    <section className={classes.bar} aria-label={t("access.unsaved", { count })}>
      <b>{t("access.unsaved", { count })}</b>
      <Button className="push" variant="default" onClick={onDrop}>
        {t("access.drop")}
      </Button>
      <Button loading={isPending} onClick={onSave}>
        {t("access.save")}
      </Button>
    </section>
  );
}

/** The grants for whole clusters, which also apply to a namespace. */
function useClusterGrants(app: string, columns: AccessColumn[]): AccessColumn[] {
  const isOfNamespace = columns.some(({ scope }) => scope.kind === "namespace");
  const places = useQuery(envClusters(app)).data ?? [];
  const scopes = places.flatMap(({ env, clusters = [] }) =>
    clusters.map((cluster) => ({ kind: "cluster", app, env, cluster }) as const),
  );
  const found = useQueries({ queries: isOfNamespace ? scopes.map(holders) : [] });
  return found.flatMap(({ data }, index) =>
    data && scopes[index]
      ? [{ id: JSON.stringify(scopes[index]), scope: scopes[index], holders: withAdmin(data) }]
      : [],
  );
}

/** Returns an error, or null, for each change. */
async function saveChanges(changes: Change[]) {
  // Roles may be missing for environments that are newer than the namespace.
  const scopes = new Map(changes.filter(({ isGrant }) => isGrant).map(({ column }) => [column.id, column.scope]));
  for (const scope of scopes.values()) await ensureRoles(scope);
  const results = await changeRoles(changes.map(({ column, ...change }) => ({ ...change, scope: column.scope })));
  return results.map(({ status = 0, message = "", code }) =>
    status === 200 ? null : new ApiError(status, message, code),
  );
}

function Head({ columns }: { columns: AccessColumn[] }) {
  const { t } = useTranslation();
  return (
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
  );
}

interface RowProps {
  columns: AccessColumn[];
  clusters: AccessColumn[];
  user: OpenUserInfoDTO;
  edits: ReadonlyMap<string, boolean>;
  mayGrant: boolean;
  mayAppoint: boolean;
  onSet: (key: string, isOn: boolean) => void;
  onAsk: (cell: AskedCell) => void;
}

function PersonRow(props: RowProps) {
  const { t } = useTranslation();
  const { columns, user } = props;
  return (
    <tr role="row">
      <th role="rowheader" scope="row">
        {user.userId} {user.name !== user.userId && <small className="note">{user.name}</small>}
      </th>
      {columns.map((column) => (
        <td key={column.id} role="cell" data-label={scopeText(column.scope, t("access.allEnvs"), t("access.admin"))}>
          <Cell {...props} column={column} />
        </td>
      ))}
    </tr>
  );
}

function Cell(props: RowProps & { column: AccessColumn }) {
  const { columns, clusters, column, user, edits, mayGrant, mayAppoint, onSet, onAsk } = props;
  const { t } = useTranslation();
  const scope = scopeText(column.scope, t("access.allEnvs"), t("access.app"));
  return (
    <span className={classes.cell} data-cell data-column={column.id} data-user={user.userId}>
      {RIGHTS[column.scope.kind].map((right) => {
        const key = cellKey(user.userId, column.id, right);
        const stored = holds(column, right, user.userId);
        const wider = widerGrant(columns, column, right, user.userId);
        const isOn = wider !== undefined || (edits.get(key) ?? stored);
        const isLastAdmin = right === "admin" && stored && column.holders.admin.length === 1;
        const parts = isOn ? [] : clusterGrants(clusters, column, right, user.userId);
        const isForbidden = right === "admin" && !mayAppoint;
        const held = wider ? t("access.inherited") : isLastAdmin ? t("access.lastAdmin") : undefined;
        const why = isForbidden ? t("access.mayNotAppoint") : held;
        return (
          <label key={right} data-on={isOn} data-changed={isOn !== stored && !wider} data-wide={wider !== undefined}>
            <Blockable why={mayGrant && why}>
              <input
                type="checkbox"
                checked={isOn}
                disabled={!mayGrant}
                data-right={right}
                aria-label={t("access.cell", {
                  right: t(`access.right.${right}`),
                  name: user.userId,
                  scope,
                })}
                onChange={(event) => !why && onSet(key, event.currentTarget.checked)}
              />
            </Blockable>
            <span aria-hidden>{t(`access.right.${right}`)}</span>
            {parts.length > 0 && <small className={classes.part}>{t("access.part", { count: parts.length })}</small>}
          </label>
        );
      })}
      <button
        type="button"
        // Whoever may not change the boxes cannot focus them either.
        tabIndex={mayGrant ? -1 : 0}
        className={classes.ask}
        title={t("access.why.tip")}
        aria-label={t("access.why.title", { name: user.userId, scope })}
        onClick={() => onAsk({ user: user.userId, column })}
      >
        <IconHelpCircle size={16} stroke={1.8} aria-hidden />
      </button>
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
