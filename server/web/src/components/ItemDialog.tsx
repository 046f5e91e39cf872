// Adds or edits one item. Checks the input before it is sent.
import { Button, NativeSelect, Textarea, TextInput } from "@mantine/core";
import { getHotkeyHandler } from "@mantine/hooks";
import { IconBraces, IconTrash } from "@tabler/icons-react";
import { useState, type ReactNode, type SyntheticEvent } from "react";
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
import { prettyJson } from "../text/format";
import { Blockable } from "./Blockable";
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
  /** An edit that was not saved; by default what is stored. */
  start?: EditedItem | null;
  write: { isPending: boolean; error: Error | null };
  onInput?: (item: EditedItem) => void;
  onSave: (item: EditedItem) => void;
  onDelete: (() => void) | undefined;
  onClose: () => void;
  /** More fields. */
  children?: ReactNode;
}

export function ItemDialog({ row, start = null, write, onInput, onSave, onDelete, onClose, children }: Props) {
  const { t } = useTranslation();
  const [item, setItem] = useState<EditedItem>(
    () => start ?? { key: row?.key ?? "", value: row?.value ?? "", type: row?.type ?? 0, comment: row?.comment ?? "" },
  );
  const [checked, setChecked] = useState(false);
  const change = (part: Partial<EditedItem>) => {
    const changed = { ...item, ...part };
    setItem(changed);
    onInput?.(changed);
  };
  const problems = problemsOf(item);
  const isJson = ITEM_TYPES[item.type] === "json";
  // A document is checked while it is typed; a first character is not an error yet elsewhere.
  const brokenJson = isJson && item.value !== "" && problems.value !== null;
  const say = (problem: Problem | null) => (checked || brokenJson) && problem && t(`check.${problem}`);
  const hidden = hiddenCharacters(item.value);
  const pretty = isJson ? prettyJson(item.value) : null;

  const submit = (event?: SyntheticEvent<HTMLFormElement>) => {
    event?.preventDefault();
    if (write.isPending) return;
    setChecked(true);
    if (Object.values(problems).some(Boolean)) focusFirstError();
    else onSave(item);
  };

  return (
    <Dialog size="lg" title={t(row ? "item.editTitle" : "item.addTitle")} onClose={onClose}>
      <form
        id="item"
        className="stack"
        noValidate
        onSubmit={submit}
        onKeyDown={getHotkeyHandler([["mod+Enter", () => submit()]])}
      >
        <div className="fields">
          <TextInput
            label={t("item.key")}
            className="grow"
            classNames={{ input: "mono" }}
            value={item.key}
            readOnly={row !== null}
            data-autofocus={row === null || undefined}
            error={checked && problems.key && t(`check.${problems.key}`)}
            onChange={(event) => change({ key: event.currentTarget.value })}
          />
          <NativeSelect
            label={t("item.type")}
            value={String(item.type)}
            data={ITEM_TYPES.map((type, number) => ({ value: String(number), label: t(`type.${type}`) }))}
            onChange={(event) => change({ type: Number(event.currentTarget.value) })}
          />
        </div>
        <Textarea
          label={t("item.value")}
          classNames={{ input: "mono" }}
          rows={rowsFor(item.value)}
          value={item.value}
          spellCheck={false}
          data-autofocus={row !== null || undefined}
          error={say(problems.value)}
          description={hidden.map((name) => t(`hidden.${name}`)).join(" ")}
          onChange={(event) => change({ value: event.currentTarget.value })}
        />
        {isJson && (
          <div className="row">
            <Blockable why={pretty === null && t("check.json")}>
              <Button
                variant="default"
                leftSection={<IconBraces size={16} stroke={1.8} />}
                onClick={() => pretty !== null && change({ value: pretty })}
              >
                {t("item.format")}
              </Button>
            </Blockable>
          </div>
        )}
        {row?.state === "modified" && (
          <p className="note">
            {t("item.live")} <code className="wrap">{row.live}</code>
          </p>
        )}
        <TextInput
          label={t("item.comment")}
          value={item.comment}
          error={checked && problems.comment && t(`check.${problems.comment}`)}
          onChange={(event) => change({ comment: event.currentTarget.value })}
        />
        {children}
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
          <Blockable why={brokenJson && t("check.json")}>
            <Button type="submit" loading={write.isPending}>
              {t(row ? "item.save" : "item.add")}
            </Button>
          </Blockable>
        </div>
      </form>
    </Dialog>
  );
}

function problemsOf(item: EditedItem) {
  return {
    key: checkName(item.key, KEY_LENGTH),
    value: checkValue(item.type, item.value),
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
