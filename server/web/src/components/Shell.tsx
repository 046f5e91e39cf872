// Frame of every page behind the sign-in: top bar with breadcrumb, search, display switches and
// account; the dialogs that any page may need are loaded when first used, or when the page is idle.
import { ActionIcon, Menu, Tooltip, UnstyledButton } from "@mantine/core";
import {
  IconAdjustmentsHorizontal,
  IconKey,
  IconKeyboard,
  IconLink,
  IconTool,
  IconLogout,
  IconSearch,
} from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link, Outlet, useNavigate } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { useTranslation } from "react-i18next";

import { useBoot } from "../api/queries";
import { rootRight } from "../api/users";
import { useShortcuts } from "../state/keys";
import { initials } from "../text/format";
import { Breadcrumb } from "./Breadcrumb";
import { copyLink } from "./copyLink";
import { DisplaySwitches } from "./DisplaySwitches";
import { Logo } from "./Logo";
import classes from "./Shell.module.css";
import { SessionGuard } from "./SessionGuard";
import { useSignOut } from "./useSignOut";

const palette = () => import("./Palette");
const Palette = lazy(async () => ({ default: (await palette()).Palette }));
const Toasts = lazy(async () => ({ default: (await import("./Toasts")).Toasts }));
const ShortcutList = lazy(async () => ({ default: (await import("./ShortcutList")).ShortcutList }));

export function Shell() {
  const { t } = useTranslation();
  const navigate = useNavigate();
  const [listed, setListed] = useState(false);
  const [searching, setSearching] = useState(false);
  const isIdle = useIdle();
  useShortcuts({
    "?": () => setListed(true),
    "g h": () => void navigate({ to: "/" }),
    "g a": () => void navigate({ to: "/browse" }),
  });
  useEffect(() => {
    const open = (event: KeyboardEvent) => {
      if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "k") return;
      event.preventDefault();
      setSearching((open) => !open);
    };
    window.addEventListener("keydown", open);
    return () => window.removeEventListener("keydown", open);
  }, []);
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
        <button
          type="button"
          className={classes.search}
          aria-keyshortcuts="Control+K Meta+K"
          onClick={() => setSearching(true)}
        >
          <IconSearch size={16} stroke={1.8} aria-hidden />
          <span>{t("shell.search")}</span>
          <kbd aria-hidden>{modifier()} K</kbd>
        </button>
        <div className={classes.tools}>
          <Tooltip label={t("share.copy")}>
            <ActionIcon
              variant="subtle"
              size="lg"
              className={classes.link}
              aria-label={t("share.copy")}
              onClick={() => void copyLink()}
            >
              <IconLink size={18} stroke={1.8} />
            </ActionIcon>
          </Tooltip>
          <DisplaySwitches />
          <Account onShortcuts={() => setListed(true)} />
        </div>
      </header>
      <Outlet />
      <SessionGuard />
      {/* Each by itself: one that is still loaded would take away the others, and what was typed into them. */}
      <Suspense>
        {(isIdle || searching) && (
          <Palette opened={searching} onOpen={setSearching} onShortcuts={() => setListed(true)} />
        )}
      </Suspense>
      <Suspense>{isIdle && <Toasts />}</Suspense>
      <Suspense>{listed && <ShortcutList onClose={() => setListed(false)} />}</Suspense>
    </div>
  );
}

interface AccountProps {
  onShortcuts: () => void;
}

function Account({ onShortcuts }: AccountProps) {
  const { t } = useTranslation();
  const { user } = useBoot();
  const signOut = useSignOut();
  const isRoot = useQuery(rootRight(user.userId)).data === true;
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
        <Menu.Item
          renderRoot={(props) => <Link {...props} to="/me/preferences" />}
          leftSection={<IconAdjustmentsHorizontal size={16} />}
        >
          {t("prefs.title")}
        </Menu.Item>
        <Menu.Item renderRoot={(props) => <Link {...props} to="/me/tokens" />} leftSection={<IconKey size={16} />}>
          {t("token.title")}
        </Menu.Item>
        {isRoot && (
          <Menu.Item
            renderRoot={(props) => <Link {...props} to="/admin/users" search={{}} />}
            leftSection={<IconTool size={16} />}
          >
            {t("admin.title")}
          </Menu.Item>
        )}
        <Menu.Item leftSection={<IconKeyboard size={16} />} rightSection={<kbd>?</kbd>} onClick={onShortcuts}>
          {t("shortcuts.title")}
        </Menu.Item>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} />} onClick={signOut}>
          {t("shell.signOut")}
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}

function modifier(): string {
  return navigator.userAgent.includes("Mac") ? "⌘" : "Ctrl";
}

/** True once the first page has been shown and the browser has nothing to do. */
function useIdle(): boolean {
  const [isIdle, setIdle] = useState(false);
  useEffect(() => {
    // Safari has no requestIdleCallback.
    if (!("requestIdleCallback" in window)) {
      const timer = setTimeout(() => setIdle(true), 500);
      return () => clearTimeout(timer);
    }
    const request = window.requestIdleCallback(() => setIdle(true), { timeout: 3000 });
    return () => window.cancelIdleCallback(request);
  }, []);
  return isIdle;
}
