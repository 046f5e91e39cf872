// A menu that copies keys with their values as a text for another program, or saves them as a table.
import { Button, Menu } from "@mantine/core";
import { IconCopy } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { DraftRow } from "../state/draft";
import { copyText } from "../text/copy";
import { itemsAs } from "../text/copyAs";
import { itemsAsCsv } from "../text/csv";
import { PASTE_FORMATS, type PasteFormat } from "../text/paste";

interface Props {
  rows: DraftRow[];
  /** Receives the sentence that reports the result. */
  onCopied: (text: string) => void;
}

export function CopyAs({ rows, onCopied }: Props) {
  const { t } = useTranslation();
  const items = rows.flatMap(({ key, value, type }) => (value === null ? [] : [{ key, value, type }]));
  const copy = async (format: PasteFormat) => {
    await copyText(itemsAs(format, items));
    onCopied(t("paste.copied", { count: items.length, format: t(`paste.format.${format}`) }));
  };
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <Button variant="default" leftSection={<IconCopy size={16} stroke={1.8} />} disabled={items.length === 0}>
          {t("paste.copyAs")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown>
        {PASTE_FORMATS.map((format) => (
          <Menu.Item key={format} onClick={() => void copy(format)}>
            {t(`paste.format.${format}`)}
          </Menu.Item>
        ))}
        <Menu.Item onClick={() => saveCsv(rows)}>{t("paste.csv")}</Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function saveCsv(rows: DraftRow[]): void {
  const items = rows.flatMap((row) => (row.value === null ? [] : [{ ...row, value: row.value }]));
  const url = URL.createObjectURL(new Blob([itemsAsCsv(items)], { type: "text/csv;charset=utf-8" }));
  const link = document.createElement("a");
  Object.assign(link, { href: url, download: "items.csv" }).click();
  // Only after the click is handled may the address disappear.
  setTimeout(() => URL.revokeObjectURL(url));
}
