// Where the open page is: app, environment and cluster, namespace. Each part leads there, and beside
// it is what else could be open in its place.
import { Popover } from "@mantine/core";
import { IconChevronDown } from "@tabler/icons-react";
import { Link, useLocation, useParams } from "@tanstack/react-router";
import { lazy, Suspense, useState } from "react";
import { useTranslation } from "react-i18next";

import classes from "./Shell.module.css";

const siblings = () => import("./Siblings");
const LISTS = {
  app: lazy(async () => ({ default: (await siblings()).AppSiblings })),
  place: lazy(async () => ({ default: (await siblings()).PlaceSiblings })),
  namespace: lazy(async () => ({ default: (await siblings()).NamespaceSiblings })),
};

export function Breadcrumb() {
  const { t } = useTranslation();
  const { app, env, cluster, ns } = useParams({ strict: false });
  // A new place closes the list that led there.
  const { href } = useLocation();
  if (app === undefined) return <span />;
  return (
    <nav className={classes.crumbs} aria-label={t("shell.breadcrumb")}>
      <ol>
        <li className={classes.app}>
          <Link to="/a/$app" params={{ app }} activeOptions={{ exact: true }}>
            {app}
          </Link>
          <Others key={href} kind="app" />
        </li>
        {env !== undefined && cluster !== undefined && (
          <li>
            <Link to="/a/$app/c/$env/$cluster" params={{ app, env, cluster }} activeOptions={{ exact: true }}>
              {env} / {cluster}
            </Link>
            <Others key={href} kind="place" />
          </li>
        )}
        {ns !== undefined && (
          <li>
            <b aria-current="page">{ns}</b>
            <Others key={href} kind="namespace" />
          </li>
        )}
      </ol>
    </nav>
  );
}

function Others({ kind }: { kind: keyof typeof LISTS }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  const List = LISTS[kind];
  return (
    <Popover opened={isOpen} onChange={setOpen} position="bottom-start" trapFocus returnFocus>
      <Popover.Target>
        <button
          type="button"
          className={classes.others}
          aria-label={t(`shell.others.${kind}`)}
          onClick={() => setOpen(!isOpen)}
        >
          <IconChevronDown size={14} stroke={1.8} aria-hidden />
        </button>
      </Popover.Target>
      <Popover.Dropdown className={classes.siblings} aria-label={t(`shell.others.${kind}`)}>
        <Suspense>{isOpen && <List />}</Suspense>
      </Popover.Dropdown>
    </Popover>
  );
}
