// Search for places and actions by name, in one dialog: Enter opens, Ctrl+Enter opens in a new tab.
import { Combobox, Modal, TextInput, useCombobox } from "@mantine/core";
import { useDebouncedValue, useId } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useRouter } from "@tanstack/react-router";
import { useEffect, useRef, useState, type KeyboardEvent } from "react";
import { useTranslation } from "react-i18next";

import { prefix } from "../api/client";
import { errorKind } from "../api/errors";
import { paletteQuery } from "../text/paletteQuery";
import classes from "./Palette.module.css";
import { usePaletteGroups, type Entry, type Group } from "./paletteSources";

const PAUSE_MS = 120;

interface Props {
  opened: boolean;
  onOpen: (opened: boolean) => void;
  onShortcuts: () => void;
}

export function Palette({ opened, onOpen, onShortcuts }: Props) {
  const { t } = useTranslation();
  return (
    <Modal
      opened={opened}
      onClose={() => onOpen(false)}
      withCloseButton={false}
      centered={false}
      size="lg"
      padding={0}
      yOffset="10vh"
      attributes={{ content: { "aria-label": t("shell.search") } }}
    >
      <Search onClose={() => onOpen(false)} onShortcuts={onShortcuts} />
    </Modal>
  );
}

function Search({ onClose, onShortcuts }: { onClose: () => void; onShortcuts: () => void }) {
  const { t } = useTranslation();
  const router = useRouter();
  const [typed, setTyped] = useState("");
  const [text] = useDebouncedValue(typed, PAUSE_MS);
  const combobox = useCombobox({ opened: true, onDropdownClose: onClose });
  const { groups, isSearching, error } = usePaletteGroups(paletteQuery(text), onShortcuts);
  const list = useId();
  const isPending = text !== typed || isSearching;
  const inNewTab = useRef(false);
  const isChosen = useRef(false);
  const isEntered = useRef(false);
  const entries = new Map(groups.flatMap(({ entries }) => entries.map((entry) => [entry.id, entry])));
  const shown = [...entries.keys()].join("\n");
  useEffect(() => {
    combobox.selectFirstOption();
    // Only when other entries are shown: the combobox is a new object in each render.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [shown]);
  useEffect(() => {
    if (!isEntered.current || isPending) return;
    isEntered.current = false;
    combobox.clickSelectedOption();
  }, [isPending, combobox]);
  const type = (text: string) => {
    setTyped(text);
    isEntered.current = false;
    isChosen.current = false;
  };
  const submit = (id: string) => {
    const entry = entries.get(id);
    if (!entry) return;
    onClose();
    if (entry.run) entry.run();
    else if (entry.to === undefined) return;
    else if (inNewTab.current) window.open(prefix + entry.to);
    else void router.navigate({ href: prefix + entry.to });
  };
  const press = (event: KeyboardEvent) => {
    inNewTab.current = event.ctrlKey || event.metaKey;
    if (event.key.startsWith("Arrow")) isChosen.current = true;
    // The entries are still those of an earlier text: the first one of this text is meant.
    if (event.key !== "Enter" || event.nativeEvent.isComposing || isChosen.current || !isPending) return;
    event.preventDefault();
    event.stopPropagation();
    isEntered.current = true;
  };
  return (
    <Combobox store={combobox} onOptionSubmit={submit} classNames={{ option: classes.option, group: classes.group }}>
      {/* By itself, the target learns of an open list with its next render only. */}
      <Combobox.EventsTarget withExpandedAttribute aria-controls={list}>
        <TextInput
          size="md"
          variant="unstyled"
          className={classes.search}
          aria-label={t("shell.search")}
          placeholder={t("palette.placeholder")}
          leftSection={<IconSearch size={18} stroke={1.8} />}
          value={typed}
          onChange={(event) => type(event.currentTarget.value)}
          onKeyDownCapture={press}
          role="combobox"
          data-autofocus
        />
      </Combobox.EventsTarget>
      <Combobox.Options id={list} className={classes.list} aria-label={t("palette.results")}>
        {groups.map((group) => (
          <Entries key={group.name} group={group} />
        ))}
      </Combobox.Options>
      {error && !isPending ? (
        <p className={classes.none} role="alert">
          {t(`error.${errorKind(error)}.what`)}
        </p>
      ) : (
        entries.size === 0 && (
          <p className={classes.none} role="status">
            {t(isPending ? "state.loading" : "palette.none")}
          </p>
        )
      )}
      <footer className={classes.help}>
        <span>
          <kbd>{"↵"}</kbd> {t("palette.open")}
        </span>
        <span>
          <kbd>{"Ctrl ↵"}</kbd> {t("palette.newTab")}
        </span>
        <span className={classes.scopes}>{t("palette.scopes")}</span>
      </footer>
    </Combobox>
  );
}

function Entries({ group }: { group: Group }) {
  const { t } = useTranslation();
  if (group.entries.length === 0 && !group.note) return null;
  return (
    <Combobox.Group label={t(`palette.group.${group.name}`)}>
      {group.entries.map((entry) => (
        <Combobox.Option key={entry.id} value={entry.id}>
          <Row entry={entry} />
        </Combobox.Option>
      ))}
      {group.note && <p className={classes.note}>{group.note}</p>}
    </Combobox.Group>
  );
}

function Row({ entry }: { entry: Entry }) {
  const { Sign } = entry;
  return (
    <>
      <Sign size={16} stroke={1.8} aria-hidden />
      <span className={entry.isCode ? "mono" : undefined}>{entry.label}</span>
      {entry.detail && <small>{entry.detail}</small>}
      {entry.keys && <kbd>{entry.keys}</kbd>}
    </>
  );
}
