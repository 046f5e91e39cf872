// Adds or edits one item, or the document of a namespace that is not properties. Checks the input
// before it is sent.
import { Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { getHotkeyHandler } from "@mantine/hooks";
import { IconTrash } from "@tabler/icons-react";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import type { DraftRow } from "../state/draft";
import {
  checkName,
  checkValue,
  COMMENT_LENGTH,
  hiddenCharacters,
  ITEM_TYPES,
  KEY_LENGTH,
  type Problem,
} from "../text/check";
import { Dialog } from "./Dialog";
import { Failure } from "./States";

export interface EditedItem {
  key: string;
  value: string;
  type: number;
  comment: string;
}

interface Props {
  /** Null to add a new item. */
  row: DraftRow | null;
  /** The namespace is one document, so its item has no key, type or comment. */
  isDocument: boolean;
  write: { isPending: boolean; error: Error | null };
  onSave: (item: EditedItem) => void;
  onDelete: (() => void) | undefined;
  onClose: () => void;
}

export function ItemDialog({ row, isDocument, write, onSave, onDelete, onClose }: Props) {
  const { t } = useTranslation();
  const [item, setItem] = useState<EditedItem>(() => ({
    key: row?.key ?? (isDocument ? "content" : ""),
    value: row?.value ?? "",
    type: row?.type ?? 0,
    comment: row?.comment ?? "",
  }));
  const [checked, setChecked] = useState(false);
  const change = (part: Partial<EditedItem>) => setItem((old) => ({ ...old, ...part }));
  const problems = problemsOf(item, isDocument);
  const say = (problem: Problem | null) => checked && problem && t(`check.${problem}`);
  const hidden = isDocument ? [] : hiddenCharacters(item.value);

  const submit = (event?: SyntheticEvent<HTMLFormElement>) => {
    event?.preventDefault();
    setChecked(true);
    if (Object.values(problems).some(Boolean)) focusFirstError();
    else onSave(item);
  };

  return (
    <Dialog
      size={isDocument ? "xl" : "lg"}
      title={t(isDocument ? "item.editContent" : row ? "item.editTitle" : "item.addTitle")}
      onClose={onClose}
    >
      <form
        id="item"
        className="stack"
        noValidate
        onSubmit={submit}
        onKeyDown={getHotkeyHandler([["mod+Enter", () => submit()]])}
      >
        {!isDocument && (
          <div className="fields">
            <TextInput
              label={t("item.key")}
              className="grow"
              classNames={{ input: "mono" }}
              value={item.key}
              readOnly={row !== null}
              data-autofocus={row === null || undefined}
              error={say(problems.key)}
              onChange={(event) => change({ key: event.currentTarget.value })}
            />
            <NativeSelect
              label={t("item.type")}
              value={String(item.type)}
              data={ITEM_TYPES.map((type, number) => ({ value: String(number), label: t(`type.${type}`) }))}
              onChange={(event) => change({ type: Number(event.currentTarget.value) })}
            />
          </div>
        )}
        <Textarea
          label={isDocument ? t("item.content") : t("item.value")}
          classNames={{ input: "mono" }}
          rows={isDocument ? 20 : rowsFor(item.value)}
          value={item.value}
          spellCheck={false}
          data-autofocus={row !== null || undefined}
          error={say(problems.value)}
          description={hidden.map((name) => t(`hidden.${name}`)).join(" ")}
          onChange={(event) => change({ value: event.currentTarget.value })}
        />
        {row?.state === "modified" && !isDocument && (
          <p className="note">
            {t("item.live")} <code className="wrap">{row.live}</code>
          </p>
        )}
        {!isDocument && (
          <TextInput
            label={t("item.comment")}
            value={item.comment}
            error={say(problems.comment)}
            onChange={(event) => change({ comment: event.currentTarget.value })}
          />
        )}
        {write.error && <Failure error={write.error} />}
        <div className="row end">
          {onDelete && (
            <Button
              variant="subtle"
              color="red"
              className="start"
              leftSection={<IconTrash size={16} />}
              onClick={onDelete}
            >
              {t("act.delete")}
            </Button>
          )}
          <Button variant="default" onClick={onClose}>
            {t("act.cancel")}
          </Button>
          <Button type="submit" loading={write.isPending}>
            {t(row || isDocument ? "item.save" : "item.add")}
          </Button>
        </div>
      </form>
    </Dialog>
  );
}

function problemsOf(item: EditedItem, isDocument: boolean) {
  return {
    key: checkName(item.key, KEY_LENGTH),
    value: isDocument ? null : checkValue(item.type, item.value),
    comment: item.comment.length > COMMENT_LENGTH ? ("tooLong" as const) : null,
  };
}

function rowsFor(value: string): number {
  const lines = value.split("\n").length + Math.floor(value.length / 70);
  return Math.min(Math.max(lines, 2), 16);
}

function focusFirstError() {
  // The marks appear with the next frame.
  requestAnimationFrame(() => document.querySelector<HTMLElement>("#item [aria-invalid=true]")?.focus());
}
