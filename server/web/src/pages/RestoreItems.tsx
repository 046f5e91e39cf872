// Stores deleted keys again, with the value, type and comment that they had.
import { Checkbox, TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useChanges } from "../api/changes";
import { commits } from "../api/history";
import type { Draft, Place } from "../api/queries";
import { Confirm } from "../components/Confirm";
import { OrConflict } from "../components/ConflictView";
import { Since } from "../components/Since";
import { Empty, Loaded } from "../components/States";
import { storedItems, type ItemChange } from "../state/changes";
import { deletedItems, type DeletedItem } from "../state/history";
import classes from "./Namespace.module.css";

/** Edits that are searched for deletions. */
const EDITS = 100;
/** More are found by the filter. */
const SHOWN = 100;

interface Props {
  place: Place;
  /** The namespace when the action began. */
  draft: Draft;
  onDone: (text: string, changes: ItemChange[]) => void;
  onClose: () => void;
}

export function RestoreItems({ place, draft, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const [base] = useState(draft);
  const [filter, setFilter] = useState("");
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const edits = useQuery(commits(place, EDITS));
  const changes = useChanges(place, (made) => onDone(t("restore.done", { count: made.length }), made));
  const items = deletedItems(edits.data ?? [], storedItems(base.items).keys());
  // As they are listed: a key that was deleted once more meanwhile has another value.
  const restored = items
    .filter(({ key }) => chosen.has(key))
    .map(({ key, content }) => ({ key, was: null, now: content }));
  const toggle = (key: string, on: boolean) =>
    setChosen(new Set(on ? [...chosen, key] : [...chosen].filter((other) => other !== key)));
  return (
    <OrConflict changes={changes}>
      <Confirm
        title={t("restore.title")}
        action={t("restore.act", { count: restored.length })}
        size="xl"
        why={restored.length === 0 && t("why.noKeyChosen")}
        write={changes}
        onConfirm={() => changes.run(restored, base.revision)}
        onClose={onClose}
      >
        <p className="note">{t("restore.help", { count: EDITS })}</p>
        <Loaded query={edits}>
          {() => <Deleted {...{ items, filter, chosen }} onFilter={setFilter} onToggle={toggle} />}
        </Loaded>
      </Confirm>
    </OrConflict>
  );
}

interface DeletedProps {
  items: DeletedItem[];
  filter: string;
  onFilter: (text: string) => void;
  chosen: ReadonlySet<string>;
  onToggle: (key: string, on: boolean) => void;
}

function Deleted({ items, filter, onFilter, chosen, onToggle }: DeletedProps) {
  const { t } = useTranslation();
  if (items.length === 0) return <Empty title={t("restore.none")} />;
  const wanted = filter.toLowerCase();
  const found = items.filter(({ key, content }) => `${key}\n${content.value}`.toLowerCase().includes(wanted));
  return (
    <>
      <TextInput
        aria-label={t("restore.filter")}
        placeholder={t("restore.filter")}
        leftSection={<IconSearch size={16} stroke={1.8} />}
        value={filter}
        onChange={(event) => onFilter(event.currentTarget.value)}
      />
      {found.length === 0 && <p>{t("state.noMatch")}</p>}
      <ul className={classes.deleted}>
        {found.slice(0, SHOWN).map((item) => (
          <li key={item.key}>
            <Checkbox
              label={<span className="mono wrap">{item.key}</span>}
              description={
                <>
                  <span className="mono wrap">{item.content.value.slice(0, 250)}</span>
                  <br />
                  <Since by={item.by} time={item.at} />
                </>
              }
              checked={chosen.has(item.key)}
              onChange={(event) => onToggle(item.key, event.currentTarget.checked)}
            />
          </li>
        ))}
      </ul>
    </>
  );
}
