// What else could be open in the place of one part of the breadcrumb: apps, environments with their
// clusters, or namespaces, as links; a long list has a filter. Read when it is opened.
import { TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link, useParams } from "@tanstack/react-router";
import { useEffect, useRef, useState, type KeyboardEvent, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { envClusters, namespaceNames, ownApps } from "../api/queries";
import { containsWords } from "../text/paletteQuery";
import classes from "./Siblings.module.css";
import { Loaded } from "./States";

const FEW = 12;
/** The others are found by the filter. */
const MOST = 100;

export function AppSiblings() {
  const { app } = useParams({ strict: false });
  const query = useQuery(ownApps);
  return (
    <Loaded query={query}>
      {(apps) => (
        <List
          entries={apps.map(({ appId, name }) => ({ id: appId, text: name === appId ? name : `${name} ${appId}` }))}
          current={app}
          link={(id, content) => (
            <Link to="/a/$app" params={{ app: id }}>
              {content}
            </Link>
          )}
        />
      )}
    </Loaded>
  );
}

/** The namespace and its view stay open. */
export function PlaceSiblings() {
  const { app = "", env = "", cluster = "", ns } = useParams({ strict: false });
  const query = useQuery(envClusters(app));
  const link = (id: string, content: ReactNode) => {
    const [env = "", cluster = ""] = id.split(" / ");
    return ns === undefined ? (
      <Link to="/a/$app/c/$env/$cluster" params={{ app, env, cluster }}>
        {content}
      </Link>
    ) : (
      <Link to="/a/$app/c/$env/$cluster/$ns" params={{ app, env, cluster, ns }} search={true}>
        {content}
      </Link>
    );
  };
  return (
    <Loaded query={query}>
      {(places) => {
        const names = places.flatMap(({ env, clusters = [] }) => clusters.map((name) => `${env} / ${name}`));
        return <List entries={names.map((id) => ({ id, text: id }))} current={`${env} / ${cluster}`} link={link} />;
      }}
    </Loaded>
  );
}

export function NamespaceSiblings() {
  const { app = "", env = "", cluster = "", ns } = useParams({ strict: false });
  const query = useQuery(namespaceNames(app, env, cluster));
  return (
    <Loaded query={query}>
      {(list) => (
        <List
          entries={list.map(({ namespaceName }) => ({ id: namespaceName, text: namespaceName }))}
          current={ns}
          link={(id, content) => (
            <Link to="/a/$app/c/$env/$cluster/$ns" params={{ app, env, cluster, ns: id }} search={{}}>
              {content}
            </Link>
          )}
        />
      )}
    </Loaded>
  );
}

interface ListProps {
  entries: { id: string; text: string }[];
  current: string | undefined;
  link: (id: string, content: ReactNode) => ReactNode;
}

function List({ entries, current, link }: ListProps) {
  const { t } = useTranslation();
  const [filter, setFilter] = useState("");
  const list = useRef<HTMLDivElement>(null);
  // It is shown after the focus was moved into what was empty then.
  useEffect(() => {
    list.current?.querySelector<HTMLElement>("input, a")?.focus();
  }, []);
  const found = entries.filter(({ text }) => containsWords(text, filter)).slice(0, MOST);
  return (
    <div ref={list} className="stack" onKeyDown={move}>
      {entries.length > FEW && (
        <TextInput
          type="search"
          aria-label={t("shell.filterSiblings")}
          placeholder={t("shell.filterSiblings")}
          value={filter}
          onChange={(event) => setFilter(event.currentTarget.value)}
        />
      )}
      {found.length === 0 && <p className="note">{t("state.noMatch")}</p>}
      <ul className={classes.list}>
        {found.map(({ id, text }) => (
          <li key={id} data-current={id === current}>
            {link(id, text)}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Arrow keys move between the filter and the links. */
function move(event: KeyboardEvent<HTMLDivElement>): void {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const stops = [...event.currentTarget.querySelectorAll<HTMLElement>("input, a")];
  stops[stops.findIndex((stop) => stop === document.activeElement) + step]?.focus();
}
