// First step of a gray release: its own values, each beside the one of the main line.
import { Button, NativeSelect } from "@mantine/core";
import { IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import type { OpenItemDTO } from "../api/bodies";
import { useChanges } from "../api/changes";
import { inBranch } from "../api/gray";
import { Blockable } from "../components/Blockable";
import { Confirm } from "../components/Confirm";
import { OrConflict } from "../components/ConflictView";
import { DataTable } from "../components/DataTable";
import { ItemDialog, type EditedItem } from "../components/ItemDialog";
import { StateChip } from "../components/StateChip";
import { Empty } from "../components/States";
import { contentOf, type ItemChange, type ItemContent } from "../state/changes";
import type { DraftRow } from "../state/draft";
import type { Values } from "../state/gray";
import classes from "./Gray.module.css";
import { GrayDocument } from "./GrayDocument";
import type { GrayParts } from "./grayParts";
import { NoRight } from "../components/NoRight";

interface Act {
  kind: "save" | "delete";
  row: DraftRow | null;
  /** What the branch stored when the action began, and the state of its items then. */
  was: ItemContent | null;
  revision: string;
}

export function GrayChange({ place, name, revision, facts, rights, master, go }: GrayParts) {
  const { t } = useTranslation();
  const [act, setAct] = useState<Act | null>(null);
  const [isUnchanged, setIsUnchanged] = useState(false);
  const format = master.format ?? "properties";
  const isDocument = format !== "properties";
  const rest = [...facts.master.keys()].filter((key) => facts.items.every((item) => item.key !== key));
  const start = (next: Act) => {
    setIsUnchanged(false);
    setAct(next);
  };
  const dialog = {
    onDone: (made: ItemChange[]) => {
      setAct(null);
      setIsUnchanged(made.length === 0);
    },
    onClose: () => setAct(null),
  };
  // Comments and blank lines of the main line are items without a key, which a new one does not begin with.
  const onAdd = () => start({ kind: "save", row: null, was: null, revision });
  const onChoose = (key: string) => {
    const stored = master.items?.find((item) => item.key === key);
    start({ kind: "save", row: stored ? grayRow(stored, facts.master.get(key)) : null, was: null, revision });
  };
  const onChange = (kind: Act["kind"], item: OpenItemDTO) =>
    start({ kind, row: grayRow(item, facts.master.get(item.key)), was: contentOf(item), revision });
  return (
    <section className={classes.stack} aria-label={t("gray.step.change")}>
      <p className="note">{t(isDocument ? "gray.change.helpDocument" : "gray.change.help")}</p>
      <p role="status" className={isUnchanged ? "note" : "unseen"}>
        {isUnchanged && t("item.unchanged")}
      </p>
      {facts.items.length === 0 ? (
        <div className="card">
          <Empty title={t("gray.change.none")} />
        </div>
      ) : (
        <DataTable
          label={t("gray.change.values")}
          rows={facts.items}
          rowKey={(item) => item.key}
          columns={[
            { name: t("item.state"), cell: (item) => <Difference item={item} master={facts.master} /> },
            { name: t("item.key"), cell: (item) => <code className="wrap">{item.key}</code> },
            { name: t("gray.change.master"), cell: (item) => <Value text={facts.master.get(item.key)} /> },
            { name: t("gray.change.gray"), cell: (item) => <Value text={item.value} /> },
          ]}
          actions={
            rights.edit
              ? (item) => [
                  { label: t("item.edit", { key: item.key }), icon: IconPencil, onClick: () => onChange("save", item) },
                  {
                    label: t("gray.change.remove", { key: item.key }),
                    icon: IconTrash,
                    onClick: () => onChange("delete", item),
                  },
                ]
              : undefined
          }
        />
      )}
      {rights.edit ? (
        <div className="row">
          {rest.length > 0 && (
            <NativeSelect
              aria-label={t("gray.change.choose")}
              value=""
              data={[
                { value: "", label: t("gray.change.choose"), disabled: true },
                ...rest.map((key) => ({ value: key, label: key })),
              ]}
              onChange={(event) => onChoose(event.currentTarget.value)}
            />
          )}
          {!isDocument && (
            <Button variant="default" leftSection={<IconPlus size={16} />} onClick={onAdd}>
              {t("gray.change.add")}
            </Button>
          )}
          <Blockable why={facts.changes === 0 && t("why.noGrayValue")}>
            <Button className="push" onClick={() => go("audience")}>
              {t("gray.next", { step: t("gray.step.audience") })}
            </Button>
          </Blockable>
        </div>
      ) : (
        <NoRight rights={rights} needed={t("gray.needEdit")} request={{ at: place, missing: ["edit"] }} />
      )}
      {act?.kind === "save" &&
        (isDocument ? (
          <GrayDocument
            {...{ place, name, format }}
            was={act.was}
            revision={act.revision}
            text={act.row?.value ?? ""}
            {...dialog}
          />
        ) : (
          <Save {...{ place, name, act, ...dialog }} />
        ))}
      {act?.kind === "delete" && <Remove {...{ place, name, act, ...dialog }} />}
    </section>
  );
}

function Difference({ item, master }: { item: OpenItemDTO; master: Values }) {
  const { t } = useTranslation();
  const live = master.get(item.key);
  if (live === undefined) return <StateChip state="added" />;
  return live === item.value ? <span className="note">{t("gray.change.same")}</span> : <StateChip state="modified" />;
}

function Value({ text }: { text: string | undefined }) {
  const { t } = useTranslation();
  return text === undefined ? (
    <span className="note">{t("gray.change.unset")}</span>
  ) : (
    <code className={classes.value}>{text}</code>
  );
}

interface DialogProps {
  place: GrayParts["place"];
  name: string;
  act: Act;
  onDone: (made: ItemChange[]) => void;
  onClose: () => void;
}

function Save({ place, name, act: { row, was, revision }, onDone, onClose }: DialogProps) {
  // Kept while a conflict is shown instead of the dialog.
  const [edited, setEdited] = useState<EditedItem | null>(null);
  const changes = useChanges(inBranch(place, name), onDone);
  const save = ({ key, ...now }: EditedItem) => changes.run([{ key, was, now }], revision);
  return (
    <OrConflict changes={changes}>
      <ItemDialog
        row={row}
        start={edited}
        write={changes}
        onInput={setEdited}
        onSave={save}
        onDelete={undefined}
        onClose={onClose}
      />
    </OrConflict>
  );
}

function Remove({ place, name, act: { row, was, revision }, onDone, onClose }: DialogProps) {
  const { t } = useTranslation();
  const changes = useChanges(inBranch(place, name), onDone);
  const key = row?.key ?? "";
  return (
    <OrConflict changes={changes}>
      <Confirm
        title={t("gray.change.removeTitle")}
        action={t("gray.change.removeTitle")}
        danger
        write={changes}
        onConfirm={() => changes.run([{ key, was, now: null }], revision)}
        onClose={onClose}
      >
        <p>
          <code className="wrap">{key}</code>
        </p>
        <p>{t("gray.change.removeText")}</p>
      </Confirm>
    </OrConflict>
  );
}

/** A row for the dialog: a key of the main line, or one of the branch. */
function grayRow(item: OpenItemDTO, live: string | undefined): DraftRow {
  const value = item.value ?? "";
  const state = live === undefined ? "added" : live === value ? "live" : "modified";
  const { key, type = 0, comment = "" } = item;
  return { key, state, value, live: live ?? null, type, comment, by: "", at: undefined, haystack: "" };
}
