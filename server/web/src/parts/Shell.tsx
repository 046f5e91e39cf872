// Frame of every page behind the sign-in: top bar with breadcrumb, display switches and account; skip link.
import { Menu, UnstyledButton } from "@mantine/core";
import { IconLogout } from "@tabler/icons-react";
import { Link, Outlet, useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { prefix } from "../api/client";
import { useBoot } from "../api/queries";
import { initials } from "../text/format";
import { DisplaySwitches } from "./DisplaySwitches";
import { Logo } from "./Logo";
import classes from "./Shell.module.css";

export function Shell() {
  const { t } = useTranslation();
  return (
    <div className={classes.shell}>
      {/* A button: with a base address in the page, the fragment of a link would lead to the start page. */}
      <button type="button" className={classes.skip} onClick={() => document.getElementById("main")?.focus()}>
        {t("shell.skip")}
      </button>
      <header className={classes.top}>
        <Link to="/" className={classes.brand} aria-label={t("shell.home")}>
          <Logo />
          <span>{t("shell.product")}</span>
        </Link>
        <Breadcrumb />
        <div className={classes.tools}>
          <DisplaySwitches />
          <Account />
        </div>
      </header>
      <Outlet />
    </div>
  );
}

function Breadcrumb() {
  const { t } = useTranslation();
  const { app, env, cluster, ns } = useParams({ strict: false });
  if (app === undefined) return <span />;
  return (
    <nav className={classes.crumbs} aria-label={t("shell.breadcrumb")}>
      <ol>
        <li className={classes.app}>
          <Link to="/a/$app" params={{ app }} activeOptions={{ exact: true }}>
            {app}
          </Link>
        </li>
        {env !== undefined && cluster !== undefined && (
          <li>
            <Link to="/a/$app/c/$env/$cluster" params={{ app, env, cluster }} activeOptions={{ exact: true }}>
              {env} / {cluster}
            </Link>
          </li>
        )}
        {ns !== undefined && (
          <li>
            <b aria-current="page">{ns}</b>
          </li>
        )}
      </ol>
    </nav>
  );
}

function Account() {
  const { t } = useTranslation();
  const { user } = useBoot();
  const name = user.name ?? user.userId;
  return (
    <Menu position="bottom-end">
      <Menu.Target>
        <UnstyledButton className={classes.account}>
          {initials(name)}
          <span className="unseen">{t("shell.account", { name })}</span>
        </UnstyledButton>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          {name}
          {user.email && <div>{user.email}</div>}
        </Menu.Label>
        <Menu.Item component="a" href={`${prefix}/user/logout`} leftSection={<IconLogout size={16} />}>
          {t("shell.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
