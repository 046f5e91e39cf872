// Audiences of earlier gray releases in this cluster, of which one can be used again. They are read when
// the menu is opened.
import { Button, Menu } from "@mantine/core";
import { IconHistory } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { clusterHistory } from "../api/gray";
import type { Place } from "../api/queries";
import { Since } from "../parts/Since";
import { Failure } from "../parts/States";
import { ALL_CLIENTS, audiences, type RuleLine } from "../state/gray";
import classes from "./Gray.module.css";

const SHOWN = 12;
const NAMED = 3;

interface Props {
  place: Place;
  onChoose: (lines: RuleLine[]) => void;
}

export function GrayEarlier({ place, onChoose }: Props) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const history = useQuery({ ...clusterHistory(place), enabled: opened });
  const earlier = audiences(history.data ?? []).slice(0, SHOWN);
  return (
    <Menu opened={opened} onChange={setOpened} position="bottom-start">
      <Menu.Target>
        <Button variant="default" leftSection={<IconHistory size={16} stroke={1.8} />}>
          {t("gray.earlier.open")}
        </Button>
      </Menu.Target>
      <Menu.Dropdown className={classes.earlier}>
        {history.error ? (
          <Failure error={history.error} />
        ) : (
          earlier.length === 0 && (
            <Menu.Label>{t(history.isPending ? "state.loading" : "gray.earlier.none")}</Menu.Label>
          )
        )}
        {earlier.map(({ ns, by, at, lines }) => (
          <Menu.Item key={JSON.stringify(lines)} onClick={() => onChoose(lines)}>
            {lines.map((line) => (
              <Summary key={line.app} line={line} />
            ))}
            <small className="note">
              <span className="mono">{ns}</span> · <Since by={by} time={at} />
            </small>
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}

function Summary({ line: { app, ips, labels } }: { line: RuleLine }) {
  const { t } = useTranslation();
  if (ips.includes(ALL_CLIENTS)) return <p>{t("gray.audience.all", { app })}</p>;
  const names = [...ips, ...labels];
  return (
    <p>
      {app}: <span className="mono">{names.slice(0, NAMED).join(", ")}</span>
      {names.length > NAMED && ` ${t("gray.earlier.more", { count: names.length - NAMED })}`}
    </p>
  );
}
