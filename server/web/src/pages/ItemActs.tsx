// The dialogs for actions on the items of a namespace: add, edit, delete, discard all changes; those
// that paste and change several keys are in files of their own.
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useChanges } from "../api/changes";
import type { Draft, Place } from "../api/queries";
import { discardChanges, useWrite } from "../api/writes";
import { Confirm } from "../components/Confirm";
import { OrConflict } from "../components/ConflictView";
import { DiffView } from "../components/DiffView";
import { ItemDialog, type EditedItem } from "../components/ItemDialog";
import { LeaveGuard } from "../components/LeaveGuard";
import { useUnsaved } from "../components/useUnsaved";
import type { ItemChange, ItemContent } from "../state/changes";
import { lostChanges, type DraftRow } from "../state/draft";
import { formOfItem, formOfNew, wasOf, type EditForm, type Unsaved } from "../state/unsaved";
import { useAddElsewhere } from "./AddElsewhere";
import { PasteItems } from "./PasteItems";
import { RestoreItems } from "./RestoreItems";
import { SetItems } from "./SetItems";

/** An edit of an item, null for one that did not exist, and its form if it was left unsaved. */
type UnsavedItem = Unsaved<EditedItem, ItemContent | null> & { form?: EditForm };

/** Rows as they are shown, and the state of the namespace that they show. */
interface Seen {
  rows: DraftRow[];
  revision: string;
}

type SaveAct =
  { kind: "add"; restored?: UnsavedItem } | { kind: "edit"; row: DraftRow; revision: string; restored?: UnsavedItem };

export type Act = SaveAct | { kind: "paste" } | { kind: "restore" } | ({ kind: "set" | "delete" | "discard" } & Seen);

interface Props {
  act: Act;
  place: Place;
  /** The namespace when the action began. */
  draft: Draft;
  onAct: (act: Act | null) => void;
  /** Receives the sentence that reports the result, and the changes that were made. */
  onDone: (text: string, changes?: ItemChange[]) => void;
}

export function ItemActs({ act, ...rest }: Props) {
  const close = () => rest.onAct(null);
  if (act.kind === "paste") return <PasteItems {...rest} onClose={close} />;
  if (act.kind === "restore") return <RestoreItems {...rest} onClose={close} />;
  if (act.kind === "add" || act.kind === "edit") return <Save {...rest} act={act} />;
  if (act.kind === "set") return <SetItems {...rest} seen={act} onClose={close} />;
  return act.kind === "discard" ? <Discard {...rest} seen={act} /> : <Delete {...rest} seen={act} />;
}

function Save({ act, place, draft, onAct, onDone }: Props & { act: SaveAct }) {
  const { t } = useTranslation();
  const [form] = useState(() => act.restored?.form ?? (act.kind === "edit" ? formOfItem(act.row.key) : formOfNew()));
  const { edit: edited, keep, drop } = useUnsaved(place, form, act.restored ?? null);
  const [base] = useState(() => baseOf(act, draft.revision));
  const row = act.kind === "edit" ? act.row : null;
  // A restored edit may have begun on an earlier value than the one that is stored now.
  const was = row && base.was(row.key);
  const [saved, setSaved] = useState<ItemChange[]>([]);
  const report = (made: ItemChange[]) => onDone(t("item.saved", { key: made[0]?.key ?? "" }), made);
  const elsewhere = useAddElsewhere(place, () => report(saved));
  const changes = useChanges(place, (made, [added]) => {
    drop();
    if (elsewhere.isChosen && added?.now) {
      setSaved(made);
      elsewhere.add({ key: added.key, ...added.now });
    } else report(made);
  });
  const save = ({ key, ...now }: EditedItem) => changes.run([{ key, was: base.was(key), now }], base.revision);
  const input = (edit: EditedItem) => keep({ edit, was: base.was(edit.key), revision: base.revision });
  if (elsewhere.results) return elsewhere.results;
  return (
    <OrConflict changes={changes}>
      <ItemDialog
        row={row}
        start={edited}
        write={changes}
        onInput={input}
        onSave={save}
        onDelete={
          was ? () => onAct({ kind: "delete", rows: [{ ...row, ...was }], revision: base.revision }) : undefined
        }
        onClose={() => onAct(null)}
      >
        {row === null && elsewhere.choice}
      </ItemDialog>
      {edited && <LeaveGuard />}
    </OrConflict>
  );
}

/** What an edit is based on: the item that its user saw, and the revision of the namespace. */
function baseOf(act: SaveAct, current: string) {
  const { row, revision } = act.kind === "edit" ? act : { row: null, revision: current };
  const seen = row && { value: row.value ?? "", type: row.type, comment: row.comment };
  const { restored } = act;
  if (!restored) return { was: () => seen, revision };
  const was = wasOf(restored, { was: seen, revision }, null);
  // The key of an item that was deleted meanwhile can be changed.
  return { was: (key: string) => (key === restored.edit.key ? was : null), revision: restored.revision };
}

type SeenProps = Omit<Props, "act" | "draft"> & { seen: Seen };

function Delete({ seen: { rows, revision }, place, onAct, onDone }: SeenProps) {
  const { t } = useTranslation();
  const count = rows.length;
  const report = (made: ItemChange[]) => {
    const [first] = made;
    onDone(
      made.length === 1 ? t("item.deleted", { key: first?.key ?? "" }) : t("bulk.deleted", { count: made.length }),
      made,
    );
  };
  const changes = useChanges(place, report);
  const deletions = rows.map(({ key, value, type, comment }) => ({
    key,
    was: { value: value ?? "", type, comment },
    now: null,
  }));
  return (
    <OrConflict changes={changes}>
      <Confirm
        title={t("bulk.deleteTitle", { count })}
        action={t("bulk.deleteTitle", { count })}
        danger
        write={changes}
        onConfirm={() => changes.run(deletions, revision)}
        onClose={() => onAct(null)}
      >
        <ul className="lines">
          {rows.map(({ key }) => (
            <li key={key}>
              <code className="wrap">{key}</code>
            </li>
          ))}
        </ul>
        <p>{t(rows.every(({ state }) => state === "added") ? "item.deleteNew" : "item.deleteLive")}</p>
      </Confirm>
    </OrConflict>
  );
}

function Discard({ seen: { rows, revision }, place, onAct, onDone }: SeenProps) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const write = useWrite(
    () => discardChanges(place, revision),
    place,
    () => onDone(t("item.discarded")),
  );
  return (
    <Confirm
      title={t("change.discardTitle")}
      action={t("change.discardTitle")}
      size="xl"
      danger
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={() => {
        void cache.invalidateQueries({ queryKey: ["draft"] });
        onAct(null);
      }}
    >
      <p>{t("change.discardText", { name: place.ns })}</p>
      <DiffView ns={place.ns} changes={lostChanges(rows, ({ before }) => before)} />
    </Confirm>
  );
}
