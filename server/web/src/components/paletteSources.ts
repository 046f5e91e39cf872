// What the palette offers for a query: recent apps, apps, namespaces, keys and values of all
// environments, and actions. Each group has at most eight entries.
import { useComputedColorScheme } from "@mantine/core";
import {
  IconBolt,
  IconBox,
  IconClock,
  IconFileText,
  IconKey,
  IconSettings,
  IconTag,
  type Icon,
} from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useParams } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import type { OpenAppNamespaceDTO } from "../api/bodies";
import { appNamespaces, envClusters, useBoot } from "../api/queries";
import { recents } from "../api/recent";
import { itemsWithValue, places, type FoundKey } from "../api/search";
import { namespaceAddress, search, segments } from "../routes/address";
import { pageCommands } from "../state/commands";
import { DENSITIES, setPrefs } from "../state/display";
import { LANGUAGES, setLanguage, useTheme } from "../state/prefs";
import { containsWords, type PaletteQuery, type Scope } from "../text/paletteQuery";
import { useAppCommands } from "./appCommands";
import { copyLink } from "./copyLink";
import { useSignOut } from "./useSignOut";

const SHOWN = 8;
/** A shorter text would be found in every second value. */
const VALUE_LENGTH = 3;

export interface Entry {
  id: string;
  label: string;
  detail?: string | undefined;
  keys?: string | undefined;
  /** Whether the label is a key or an id. */
  isCode?: boolean;
  Sign: Icon;
  /** Address below the prefix path. */
  to?: string;
  run?: () => void;
}

export interface Group {
  name: "recent" | "apps" | "namespaces" | "keys" | "values" | "actions";
  entries: Entry[];
  /** What the group lacks. */
  note?: string | undefined;
}

export function usePaletteGroups(query: PaletteQuery, onShortcuts: () => void) {
  const { text, scope } = query;
  const recent = useQuery(recents).data ?? [];
  const actions = useActions(onShortcuts);
  const found = useFound(query);
  const groups: Group[] = [];
  if (text === "" && scope === "all") {
    const entries = recent.slice(0, SHOWN).map(({ appId, name }) => appEntry("recent", appId, IconClock, name));
    groups.push({ name: "recent", entries });
  }
  groups.push(...found.groups);
  if (scope === "all" || scope === "actions") {
    const matching = actions.filter((action) => text === "" || containsWords(action.label, text));
    groups.push({ name: "actions", entries: scope === "actions" ? matching : matching.slice(0, SHOWN) });
  }
  return { groups, isSearching: found.isSearching, error: found.error };
}

/** Places whose names, keys or values contain the text. */
function useFound({ scope, env, text }: PaletteQuery) {
  const { t } = useTranslation();
  const wants = (wanted: Scope) => text !== "" && (scope === "all" || scope === wanted);
  const old = { placeholderData: keepPreviousData };
  // Apart from the keys, which are searched in all environments.
  const kinds = (["app", "ns"] as const).filter(wants).map((kind) => (kind === "app" ? "apps" : "namespaces"));
  const named = useQuery({ ...places(text, ...kinds), ...old });
  const keys = useQuery({ ...places(wants("key") ? text : "", "keys"), ...old });
  const noKey = scope === "value" || (scope === "all" && keys.data?.items.length === 0);
  // That an earlier text was no part of a key says nothing about this one.
  const isSearched = noKey && !(scope === "all" && keys.isPlaceholderData) && text.length >= VALUE_LENGTH;
  const values = useQuery({ ...itemsWithValue(isSearched ? text : ""), ...old });
  const namespaces = useNamespaces(wants("ns") ? text : "", named.data?.namespaces ?? []);
  const inEnv = (item: FoundKey) => env === null || item.env.toUpperCase() === env;
  const groups: Group[] = [];
  if (wants("app")) {
    const { appTotal = 0, apps = [] } = named.data ?? {};
    const entries = apps.map(({ appId, name }) => appEntry("app", appId, IconBox, name));
    if (appTotal > apps.length) {
      const label = t("palette.all", { count: appTotal });
      entries.push({ id: "apps/all", label, Sign: IconBox, to: "/browse" + search([["q", text]]) });
    }
    groups.push({ name: "apps", entries });
  }
  if (wants("ns")) groups.push({ name: "namespaces", entries: namespaces });
  for (const [name, { data }, isWanted] of [
    ["keys", keys, wants("key")],
    ["values", values, noKey && text],
  ] as const) {
    if (!isWanted || !data) continue;
    const items = data.items.filter(inEnv);
    groups.push({ name, entries: items.slice(0, SHOWN).map((item) => itemEntry(name, item)), note: data.message });
  }
  const searches = [named, keys, values];
  const error = searches.find((one) => one.isError)?.error ?? null;
  return { groups, isSearching: searches.some((one) => one.isFetching), error };
}

/** Those of the open app, then the found ones of other apps. */
function useNamespaces(text: string, found: OpenAppNamespaceDTO[]): Entry[] {
  const { t } = useTranslation();
  const { envs } = useBoot();
  const { app = "", env = envs[0] ?? "", cluster = "default" } = useParams({ strict: false });
  const all = useQuery({ ...appNamespaces(app), enabled: app !== "" && text !== "" }).data ?? [];
  const own = all.filter(({ name }) => containsWords(name, text));
  const namespaces = [...own, ...found.filter((other) => other.appId !== app)];
  return namespaces.slice(0, SHOWN).map(({ appId, name, isPublic }) => {
    const to =
      appId === app
        ? namespaceAddress(app, env, cluster, name)
        : namespaceAddress(appId, envs[0] ?? "", "default", name);
    const detail = isPublic ? `${appId}, ${t("namespace.public")}` : appId;
    return { id: `ns/${appId}/${name}`, label: name, detail, Sign: IconFileText, to };
  });
}

function appEntry(group: string, app: string, Sign: Icon, name?: string): Entry {
  const detail = name && name !== app ? app : undefined;
  return { id: `${group}/${app}`, label: name ?? app, detail, Sign, to: segments("a", app) };
}

function itemEntry(group: "keys" | "values", { app, env, cluster, ns, key }: FoundKey): Entry {
  return {
    id: [group, app, env, cluster, ns, key].join("/"),
    label: key,
    isCode: true,
    detail: [app, env, cluster, ns].join(" / "),
    Sign: group === "keys" ? IconKey : IconTag,
    to: namespaceAddress(app, env, cluster, ns, key),
  };
}

/** Of the open page first, then those of the app, then those that are always there. */
function useActions(onShortcuts: () => void): Entry[] {
  const { t, i18n } = useTranslation();
  const { setTheme } = useTheme();
  const other = useComputedColorScheme("light") === "dark" ? "light" : "dark";
  const switches = useSwitches();
  const inApp = useAppCommands();
  const signOut = useSignOut();
  const language = i18n.language === "zh" ? "en" : "zh";
  const action = (id: string, label: string, rest: Pick<Entry, "to" | "run" | "keys">): Entry => ({
    id: `action/${id}`,
    label,
    Sign: "to" in rest ? IconBolt : IconSettings,
    ...rest,
  });
  return [
    ...pageCommands().map(({ id, label, keys, run }) => action(id, label, { keys, run })),
    ...inApp.map(({ id, label, ...rest }) => ({ ...action(id, label, rest), detail: rest.detail })),
    ...switches,
    action("new", t("newApp.title"), { to: "/new", keys: "n" }),
    action("browse", t("browse.title"), { to: "/browse", keys: "g a" }),
    action("public", t("publicNamespaces.title"), { to: "/public" }),
    action("link", t("share.copy"), { run: () => void copyLink() }),
    action("theme", t(`display.${other}`), { run: () => setTheme(other) }),
    action("language", LANGUAGES[language], { run: () => void setLanguage(language) }),
    ...DENSITIES.map((density) =>
      action(density, `${t("prefs.density")}: ${t(`prefs.densities.${density}`)}`, {
        run: () => setPrefs({ density }),
      }),
    ),
    action("preferences", t("prefs.title"), { to: "/me/preferences" }),
    action("shortcuts", t("shortcuts.title"), { run: onShortcuts, keys: "?" }),
    action("signOut", t("shell.signOut"), { run: signOut }),
  ];
}

/** Other environments and clusters of the open place. */
function useSwitches(): Entry[] {
  const { t } = useTranslation();
  const { app = "", env, cluster = "default", ns } = useParams({ strict: false });
  const places = useQuery({ ...envClusters(app), enabled: app !== "" }).data ?? [];
  const others = places.flatMap((place) =>
    (place.clusters ?? [])
      .filter((name) => (place.env === env ? name !== cluster : name === cluster || name === "default"))
      .map((name) => ({ env: place.env, cluster: name })),
  );
  return others.map((place) => ({
    id: `switch/${place.env}/${place.cluster}`,
    label: t("palette.switch", { place: `${place.env} / ${place.cluster}` }),
    Sign: IconBolt,
    to: segments("a", app, "c", place.env, place.cluster, ...(ns === undefined ? [] : [ns])),
  }));
}
