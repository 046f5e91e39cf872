// Apps as cards. Arrow keys move between them, `p` pins the focused one.
import { ActionIcon } from "@mantine/core";
import { IconArrowBarToUp } from "@tabler/icons-react";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useDeferredValue, useRef } from "react";
import { useTranslation } from "react-i18next";

import type { OpenAppDTO } from "../api/bodies";
import { movePinToTop } from "../api/home";
import { PinButton, usePins, type Pins } from "../components/PinButton";
import { toastFailure } from "../components/toast";
import { useShortcuts } from "../state/keys";
import classes from "./AppCards.module.css";

/** Cards of the first frame; the others follow without delaying it. */
const FIRST = 60;

interface Props {
  apps: OpenAppDTO[];
  /** Whether the user chooses the order. */
  isOrdered: boolean;
}

export function AppCards({ apps, isOrdered }: Props) {
  const list = useRef<HTMLUListElement>(null);
  const pins = usePins();
  const shown = useDeferredValue(apps, apps.slice(0, FIRST));
  const move = (step: number) => {
    const links = [...(list.current?.querySelectorAll<HTMLElement>("li > a") ?? [])];
    const focused = links.findIndex((link) => link === document.activeElement);
    links[focused < 0 ? 0 : focused + step]?.focus();
  };
  const columns = () => {
    const style = list.current && getComputedStyle(list.current).gridTemplateColumns;
    return style ? style.split(" ").length : 1;
  };
  useShortcuts({
    ArrowRight: () => move(1),
    ArrowLeft: () => move(-1),
    ArrowDown: () => move(columns()),
    ArrowUp: () => move(-columns()),
    p: () => {
      const app = document.activeElement?.closest<HTMLElement>("[data-app]")?.dataset.app;
      if (app) pins.toggle(app);
    },
  });
  return (
    <ul className={classes.cards} ref={list}>
      {shown.map((app, index) => (
        <li key={app.appId} data-app={app.appId}>
          <Link to="/a/$app" params={{ app: app.appId }}>
            <b>{app.name}</b>
            {app.name !== app.appId && <span className="mono">{app.appId}</span>}
            <small>{[app.orgName, app.ownerDisplayName ?? app.ownerName].filter(Boolean).join(", ")}</small>
          </Link>
          <span className={classes.acts}>
            {isOrdered && index > 0 && <ToTop app={app} pins={pins} />}
            <PinButton app={app.appId} name={app.name} pins={pins} />
          </span>
        </li>
      ))}
    </ul>
  );
}

function ToTop({ app, pins: { list } }: { app: OpenAppDTO; pins: Pins }) {
  const { t } = useTranslation();
  const cache = useQueryClient();
  const write = useMutation({
    mutationFn: movePinToTop,
    onError: toastFailure,
    onSettled: () => cache.invalidateQueries({ queryKey: ["home", "pins"] }),
  });
  const id = list?.find((one) => one.appId === app.appId)?.id;
  if (!id) return null;
  return (
    <ActionIcon
      variant="subtle"
      size="lg"
      loading={write.isPending}
      aria-label={t("home.toTop", { name: app.name })}
      title={t("home.toTopTip")}
      onClick={() => write.mutate(id)}
    >
      <IconArrowBarToUp size={18} stroke={1.8} />
    </ActionIcon>
  );
}
