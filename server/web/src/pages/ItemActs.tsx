// The dialogs for actions on the items of a namespace: add, edit, delete, discard all changes.
import { useTranslation } from "react-i18next";

import type { Place } from "../api/queries";
import { createItem, deleteItem, discardChanges, saveText, updateItem, useWrite } from "../api/writes";
import { Confirm } from "../parts/Confirm";
import { ItemDialog, type EditedItem } from "../parts/ItemDialog";
import type { DraftRow } from "../state/draft";

export type Act = { kind: "add" | "discard" } | { kind: "edit" | "delete"; row: DraftRow };

interface Props {
  act: Act;
  place: Place;
  format: string;
  onAct: (act: Act | null) => void;
  /** Receives the sentence that reports the result. */
  onDone: (text: string) => void;
}

export function ItemActs({ act, ...rest }: Props) {
  if (act.kind === "discard") return <Discard {...rest} />;
  return act.kind === "delete" ? <Delete row={act.row} {...rest} /> : <Save act={act} {...rest} />;
}

function Save({ act, place, format, onAct, onDone }: Props) {
  const { t } = useTranslation();
  const isDocument = format !== "properties";
  const save = (item: EditedItem): Promise<unknown> => {
    if (isDocument) return saveText(place, format, item.value);
    return act.kind === "edit" ? updateItem(place, item) : createItem(place, item);
  };
  const write = useWrite(save, place, (_, { key }) => onDone(t("item.saved", { key })));
  const row = act.kind === "edit" ? act.row : null;
  return (
    <ItemDialog
      row={row}
      isDocument={isDocument}
      write={write}
      onSave={(item) => write.mutate(item)}
      onDelete={row && !isDocument ? () => onAct({ kind: "delete", row }) : undefined}
      onClose={() => onAct(null)}
    />
  );
}

function Delete({ row, place, onAct, onDone }: Omit<Props, "act"> & { row: DraftRow }) {
  const { t } = useTranslation();
  const { key } = row;
  const write = useWrite(
    () => deleteItem(place, key),
    place,
    () => onDone(t("item.deleted", { key })),
  );
  return (
    <Confirm
      title={t("item.deleteTitle")}
      action={t("item.deleteTitle")}
      danger
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={() => onAct(null)}
    >
      <p>
        <code className="wrap">{key}</code>
      </p>
      <p>{t(row.state === "added" ? "item.deleteNew" : "item.deleteLive")}</p>
    </Confirm>
  );
}

function Discard({ place, onAct, onDone }: Omit<Props, "act">) {
  const { t } = useTranslation();
  const write = useWrite(
    () => discardChanges(place),
    place,
    () => onDone(t("item.discarded")),
  );
  return (
    <Confirm
      title={t("change.discardTitle")}
      action={t("change.discardTitle")}
      danger
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={() => onAct(null)}
    >
      <p>{t("change.discardText", { name: place.ns })}</p>
    </Confirm>
  );
}
