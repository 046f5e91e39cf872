// First step of a gray release: its own values, each beside the one of the main line.
import { Button, NativeSelect } from "@mantine/core";
import { IconPencil, IconPlus, IconTrash } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { OpenItemDTO } from "../api/bodies";
import { inBranch, staleGray } from "../api/gray";
import { createItem, deleteItem, updateItem } from "../api/writes";
import { Blockable } from "../parts/Blockable";
import { Confirm } from "../parts/Confirm";
import { DataTable } from "../parts/DataTable";
import { ItemDialog, type EditedItem } from "../parts/ItemDialog";
import { StateChip } from "../parts/StateChip";
import { Empty } from "../parts/States";
import type { DraftRow } from "../state/draft";
import classes from "./Gray.module.css";
import { GrayDocument } from "./GrayDocument";
import type { GrayParts } from "./grayParts";
import { NoRight } from "../parts/NoRight";

type Act = { kind: "save" | "delete"; row: DraftRow | null };

export function GrayChange({ place, name, revision, facts, rights, master, go }: GrayParts) {
  const { t } = useTranslation();
  const [act, setAct] = useState<Act | null>(null);
  const format = master.format ?? "properties";
  const isDocument = format !== "properties";
  const rest = Object.keys(facts.master).filter((key) => facts.items.every((item) => item.key !== key));
  const onAdd = (key: string) => {
    const stored = master.items?.find((item) => item.key === key);
    setAct({ kind: "save", row: stored ? grayRow(stored, facts.master[key]) : null });
  };
  const edit = (item: OpenItemDTO) => setAct({ kind: "save", row: grayRow(item, facts.master[item.key]) });
  return (
    <section className={classes.stack} aria-label={t("gray.step.change")}>
      <p className="note">{t(isDocument ? "gray.change.helpDocument" : "gray.change.help")}</p>
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
            { name: t("gray.change.master"), cell: (item) => <Value text={facts.master[item.key]} /> },
            { name: t("gray.change.gray"), cell: (item) => <Value text={item.value} /> },
          ]}
          actions={
            rights.edit
              ? (item) => [
                  { label: t("item.edit", { key: item.key }), icon: IconPencil, onClick: () => edit(item) },
                  {
                    label: t("gray.change.remove", { key: item.key }),
                    icon: IconTrash,
                    onClick: () => setAct({ kind: "delete", row: grayRow(item, facts.master[item.key]) }),
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
              onChange={(event) => onAdd(event.currentTarget.value)}
            />
          )}
          {!isDocument && (
            <Button variant="default" leftSection={<IconPlus size={16} />} onClick={() => onAdd("")}>
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
            {...{ place, name, revision, format }}
            text={act.row?.value ?? ""}
            onClose={() => setAct(null)}
          />
        ) : (
          <Save
            {...{ place, name, revision }}
            row={act.row}
            isNew={isNew(act.row, facts.items)}
            onClose={() => setAct(null)}
          />
        ))}
      {act?.kind === "delete" && act.row && (
        <Remove {...{ place, name, revision }} row={act.row} onClose={() => setAct(null)} />
      )}
    </section>
  );
}

const isNew = (row: DraftRow | null, items: OpenItemDTO[]) => items.every((item) => item.key !== row?.key);

function Difference({ item, master }: { item: OpenItemDTO; master: Record<string, string> }) {
  const { t } = useTranslation();
  const live = master[item.key];
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
  revision: string;
  onClose: () => void;
}

function Save({ place, name, revision, row, isNew, onClose }: DialogProps & { row: DraftRow | null; isNew: boolean }) {
  const at = inBranch(place, name);
  const save = (item: EditedItem): Promise<unknown> =>
    isNew ? createItem(at, item, revision) : updateItem(at, item, revision);
  const write = useAction(save, staleGray(place), onClose);
  return (
    <ItemDialog row={row} write={write} onSave={(item) => write.mutate(item)} onDelete={undefined} onClose={onClose} />
  );
}

function Remove({ place, name, revision, row, onClose }: DialogProps & { row: DraftRow }) {
  const { t } = useTranslation();
  const write = useAction(() => deleteItem(inBranch(place, name), row.key, revision), staleGray(place), onClose);
  return (
    <Confirm
      title={t("gray.change.removeTitle")}
      action={t("gray.change.removeTitle")}
      danger
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>
        <code className="wrap">{row.key}</code>
      </p>
      <p>{t("gray.change.removeText")}</p>
    </Confirm>
  );
}

/** A row for the dialog: a key of the main line, or one of the branch. */
function grayRow(item: OpenItemDTO, live: string | undefined): DraftRow {
  const value = item.value ?? "";
  const state = live === undefined ? "added" : live === value ? "live" : "modified";
  const { key, type = 0, comment = "" } = item;
  return { key, state, value, live: live ?? null, type, comment, by: "", at: undefined, haystack: "" };
}
