// The order of the items as a menu, for narrow screens, whose cards have no heads of columns.
import { ActionIcon, Menu } from "@mantine/core";
import { IconArrowsSort } from "@tabler/icons-react";
import { useTranslation } from "react-i18next";

import type { Sorting } from "../components/ItemHead";
import { ALL_SORTS, columnOf, isDescending, type Sort } from "../state/sort";
import classes from "./Namespace.module.css";

export function ItemSort({ sort, onSort }: Sorting) {
  const { t } = useTranslation();
  const name = (one: Sort) =>
    t(isDescending(one) ? "sort.descending" : "sort.ascending", { column: t(`item.${columnOf(one) ?? "key"}`) });
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <ActionIcon
          variant={sort ? "light" : "default"}
          className={`${classes.more} ${classes.sort}`}
          aria-label={t("sort.title")}
          title={t("sort.title")}
        >
          <IconArrowsSort size={16} stroke={1.8} />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>{t("sort.title")}</Menu.Label>
        <Menu.RadioGroup value={sort ?? ""} onChange={(value) => onSort(ALL_SORTS.find((one) => one === value))}>
          <Menu.RadioItem value="">{t("sort.none")}</Menu.RadioItem>
          {ALL_SORTS.map((one) => (
            <Menu.RadioItem key={one} value={one}>
              {name(one)}
            </Menu.RadioItem>
          ))}
        </Menu.RadioGroup>
      </Menu.Dropdown>
    </Menu>
  );
}
