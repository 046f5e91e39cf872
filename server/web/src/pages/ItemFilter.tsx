// The filter of the items: free words and `name:value` words, with a button for changed items.
import { Button, TextInput } from "@mantine/core";
import { IconCloudUp, IconFilter } from "@tabler/icons-react";
import type { ReactNode, RefObject } from "react";
import { useTranslation } from "react-i18next";

import { toggleWord } from "../state/draft";
import classes from "./Namespace.module.css";

const CHANGED = "state:changed";

interface Props {
  input: RefObject<HTMLInputElement | null>;
  f: string;
  setFilter: (text: string) => void;
  changed: number;
  /** Rows that match, of all rows. */
  shown: [number, number];
  children: ReactNode;
}

export function ItemFilter({ input, f, setFilter, changed, shown: [count, total], children }: Props) {
  const { t } = useTranslation();
  const onlyChanged = f.includes(CHANGED);
  return (
    <div className={classes.toolbar}>
      <TextInput
        ref={input}
        className={classes.filter}
        aria-label={t("item.filter")}
        title={t("item.filterHelp")}
        placeholder={t("item.filter")}
        leftSection={<IconFilter size={16} stroke={1.8} />}
        rightSection={<kbd>/</kbd>}
        value={f}
        onChange={(event) => setFilter(event.currentTarget.value)}
      />
      <Button
        variant={onlyChanged ? "light" : "default"}
        aria-pressed={onlyChanged}
        leftSection={<IconCloudUp size={16} stroke={1.8} />}
        onClick={() => setFilter(toggleWord(f, CHANGED))}
      >
        {t("item.onlyChanged", { count: changed })}
      </Button>
      <span className={classes.count} role="status" data-all={count === total || undefined}>
        {t("item.shown", { count, total })}
      </span>
      {children}
    </div>
  );
}
