// The actions on the text of a namespace: find, fold, copy, download, and those of an edit.
import { ActionIcon, Button } from "@mantine/core";
import {
  IconBraces,
  IconCopy,
  IconDeviceFloppy,
  IconDownload,
  IconFold,
  IconSearch,
  type Icon,
} from "@tabler/icons-react";
import type { RefObject } from "react";
import { useTranslation } from "react-i18next";

import { Blockable, type Why } from "../components/Blockable";
import type { EditorHandle } from "../components/CodeEditor";
import { copied } from "../components/copy";
import { fileName, propertiesFile } from "../text/copyAs";
import { saveFile } from "../text/download";
import { prettyJson } from "../text/format";
import { fromText } from "../text/properties";
import classes from "./Namespace.module.css";

/** Formats whose documents have parts that can be folded. */
const FOLDED = ["json", "yml", "yaml", "xml"];

interface Props {
  ns: string;
  format: string;
  text: string;
  said: string;
  onSay: (text: string) => void;
  editor: RefObject<EditorHandle | null>;
  /** Absent for users who may not edit. */
  edit: Edit | undefined;
}

interface Edit {
  isDirty: boolean;
  onChange: (text: string) => void;
  onDrop: () => void;
  onSave: () => void;
}

export function TextToolbar({ ns, format, text, said, onSay, editor, edit }: Props) {
  const { t } = useTranslation();
  const file = format === "properties" ? propertiesFile(fromText(text).lines) : text;
  const copy = () => void copied(file).then((isCopied) => isCopied && onSay(t("text.copied")));
  const why = file === "" && t("why.emptyText");
  return (
    <div className={classes.toolbar}>
      <span className={classes.count} role="status">
        {said}
      </span>
      <Tool icon={IconSearch} label={t("text.find")} onClick={() => editor.current?.find()} />
      {FOLDED.includes(format) && (
        <Tool icon={IconFold} label={t("text.fold")} onClick={() => editor.current?.fold()} />
      )}
      <Tool icon={IconCopy} label={t("text.copy")} why={why} onClick={copy} />
      <Tool
        icon={IconDownload}
        label={t("text.download")}
        why={why}
        onClick={() => saveFile(fileName(ns, format), file)}
      />
      {edit && <EditActs format={format} text={text} {...edit} />}
    </div>
  );
}

function EditActs({ format, text, isDirty, onChange, onDrop, onSave }: Edit & { format: string; text: string }) {
  const { t } = useTranslation();
  const pretty = format === "json" ? prettyJson(text) : null;
  return (
    <>
      {format === "json" && (
        <Blockable why={pretty === null ? t("check.json") : pretty === text && t("why.formatted")}>
          <Button
            variant="default"
            leftSection={<IconBraces size={16} stroke={1.8} />}
            onClick={() => pretty !== null && onChange(pretty)}
          >
            {t("item.format")}
          </Button>
        </Blockable>
      )}
      {isDirty && (
        <Button variant="default" onClick={onDrop}>
          {t("text.drop")}
        </Button>
      )}
      <Blockable why={!isDirty && t("why.noEdit")}>
        <Button leftSection={<IconDeviceFloppy size={16} stroke={1.8} />} onClick={onSave}>
          {t("text.save")}
        </Button>
      </Blockable>
    </>
  );
}

interface ToolProps {
  icon: Icon;
  label: string;
  why?: Why;
  onClick: () => void;
}

function Tool({ icon: Sign, label, why, onClick }: ToolProps) {
  return (
    <Blockable why={why} label={label}>
      <ActionIcon variant="default" className={classes.more} aria-label={label} onClick={onClick}>
        <Sign size={16} stroke={1.8} />
      </ActionIcon>
    </Blockable>
  );
}
