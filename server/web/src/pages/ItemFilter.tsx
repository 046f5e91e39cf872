// The filter of the items: free words and `name:value` words, with a button for changed items and a menu of
// types and times. Narrow screens show what is beside it when asked to.
import { ActionIcon, Button, Menu, TextInput } from "@mantine/core";
import { IconAdjustmentsHorizontal, IconCloudUp, IconDots, IconFilter } from "@tabler/icons-react";
import { useState, type ReactNode, type RefObject } from "react";
import { useTranslation } from "react-i18next";

import { useTyped } from "../components/useTyped";
import { replaceWord, toggleWord, wordOf } from "../state/draft";
import { ITEM_TYPES } from "../text/check";
import { AGES } from "../text/format";
import classes from "./Namespace.module.css";

const CHANGED = "state:changed";

interface Props {
  input: RefObject<HTMLInputElement | null>;
  f: string;
  setFilter: (text: string) => void;
  changed: number;
  /** Rows that match, of all rows. */
  shown: [number, number];
  isSorted: boolean;
  children: ReactNode;
}

export function ItemFilter({ input, f, setFilter, changed, shown: [count, total], isSorted, children }: Props) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const onlyChanged = f.includes(CHANGED);
  return (
    <div className={`${classes.toolbar} ${classes.items}`} data-open={opened}>
      <TextInput
        ref={input}
        className={classes.filter}
        aria-label={t("item.filter")}
        title={t("item.filterHelp")}
        placeholder={t("item.filter")}
        leftSection={<IconFilter size={16} stroke={1.8} />}
        rightSection={<kbd>/</kbd>}
        {...useTyped(f, setFilter)}
      />
      <ActionIcon
        variant={opened || isSorted || f.includes(":") ? "light" : "default"}
        className={`${classes.more} ${classes.tools}`}
        aria-label={t("item.tools")}
        aria-expanded={opened}
        onClick={() => setOpened(!opened)}
      >
        <IconDots size={16} stroke={1.8} />
      </ActionIcon>
      <TypeAndTime f={f} setFilter={setFilter} />
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

function TypeAndTime({ f, setFilter }: Pick<Props, "f" | "setFilter">) {
  const { t } = useTranslation();
  const [type, age] = [wordOf(f, "type:"), wordOf(f, "within:")];
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon
          variant={type || age ? "light" : "default"}
          className={classes.more}
          aria-label={t("item.moreFilters")}
          title={t("item.moreFilters")}
        >
          <IconAdjustmentsHorizontal size={16} stroke={1.8} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("item.type")}</Menu.Label>
        <Menu.RadioGroup value={type} onChange={(value) => setFilter(replaceWord(f, "type:", value))}>
          <Menu.RadioItem value="">{t("item.anyType")}</Menu.RadioItem>
          {ITEM_TYPES.map((one) => (
            <Menu.RadioItem key={one} value={one}>
              {t(`type.${one}`)}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
        <Menu.Divider />
        <Menu.Label>{t("item.changed")}</Menu.Label>
        <Menu.RadioGroup value={age} onChange={(value) => setFilter(replaceWord(f, "within:", value))}>
          <Menu.RadioItem value="">{t("age.any")}</Menu.RadioItem>
          {AGES.map((one) => (
            <Menu.RadioItem key={one} value={one}>
              {t(`age.${one}`)}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  );
}
