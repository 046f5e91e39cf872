// A menu that copies keys with their values as a text for another program, or downloads them as a file.
import { Button, Menu } from "@mantine/core";
import { IconCopy } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { DraftRow } from "../state/draft";
import { FILE_ENDS, itemsAs } from "../text/copyAs";
import { itemsAsCsv } from "../text/csv";
import { saveFile } from "../text/download";
import { PASTE_FORMATS, type PasteFormat } from "../text/paste";
import { Blockable } from "./Blockable";
import { copied } from "./copy";

interface Props {
  /** Of the namespace, and of the files. */
  name: string;
  rows: DraftRow[];
  /** Receives the sentence that reports the result. */
  onCopied: (text: string) => void;
}

export function CopyAs({ name, rows, onCopied }: Props) {
  const { t } = useTranslation();
  const items = rows.flatMap((row) => (row.value === null ? [] : [{ ...row, value: row.value }]));
  const copy = async (format: PasteFormat) => {
    if (!(await copied(itemsAs(format, items)))) return;
    onCopied(t("paste.copied", { count: items.length, format: t(`paste.format.${format}`) }));
  };
  const open = (
    <Button variant="default" leftSection={<IconCopy size={16} stroke={1.8} />}>
      {t("paste.copyAs")}
    </Button>
  );
  if (items.length === 0) return <Blockable why={t("why.noKey")}>{open}</Blockable>;
  return (
    <Menu position="bottom-end">
      <Menu.Target>{open}</Menu.Target>
      <Menu.Dropdown>
        {PASTE_FORMATS.map((format) => (
          <Menu.Item key={format} onClick={() => void copy(format)}>
            {t(`paste.format.${format}`)}
          </Menu.Item>
        ))}
        <Menu.Divider />
        {PASTE_FORMATS.map((format) => (
          <Menu.Item key={format} onClick={() => saveFile(name + FILE_ENDS[format], itemsAs(format, items))}>
            {t("paste.downloadAs", { format: t(`paste.format.${format}`) })}
          </Menu.Item>
        ))}
        <Menu.Item onClick={() => saveFile(`${name}.csv`, itemsAsCsv(items), "text/csv")}>
          {t("paste.downloadAs", { format: "CSV" })}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
