// Audiences of the gray releases of the app in this environment, of which one can be used again. They are
// read when the list is opened; what is entered is replaced only after a confirmation.
import { Button, TextInput } from "@mantine/core";
import { IconHistory, IconSearch } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { grayAudiences } from "../api/gray";
import type { Place } from "../api/queries";
import { Confirm } from "../components/Confirm";
import { Dialog } from "../components/Dialog";
import { Since } from "../components/Since";
import { Empty, Loaded } from "../components/States";
import { ALL_CLIENTS, audiences, hasWords, ruleItems, type Audience, type RuleLine } from "../state/gray";
import classes from "./Gray.module.css";

/** More of them have a search. */
const FEW = 8;
const NAMED = 3;
const LOCAL = { isPending: false, error: null };

interface Props {
  place: Place;
  isPublic: boolean;
  /** What is entered. */
  lines: RuleLine[];
  onChoose: (lines: RuleLine[]) => void;
}

export function GrayEarlier({ place, isPublic, lines, onChoose }: Props) {
  const { t } = useTranslation();
  const [opened, setOpened] = useState(false);
  const [chosen, setChosen] = useState<RuleLine[] | null>(null);
  const query = useQuery({ ...grayAudiences(place), enabled: opened });
  const close = () => {
    setOpened(false);
    setChosen(null);
  };
  const take = (earlier: RuleLine[]) => {
    onChoose(earlier);
    close();
  };
  const choose = (earlier: RuleLine[]) => (ruleItems(lines).length > 0 ? setChosen(earlier) : take(earlier));
  return (
    <>
      <Button variant="default" leftSection={<IconHistory size={16} stroke={1.8} />} onClick={() => setOpened(true)}>
        {t("gray.earlier.open")}
      </Button>
      {chosen ? (
        <Confirm
          title={t("gray.earlier.replace")}
          action={t("gray.earlier.replaceAct")}
          write={LOCAL}
          onConfirm={() => take(chosen)}
          onClose={close}
        >
          <p>{t("gray.earlier.replaced")}</p>
          <Summary lines={lines} />
          <p>{t("gray.earlier.by")}</p>
          <Summary lines={chosen} />
        </Confirm>
      ) : (
        opened && (
          <Dialog title={t("gray.earlier.title")} size="lg" onClose={close}>
            <Loaded query={query}>
              {(rows) => <Audiences list={audiences(rows, place.app, isPublic)} onChoose={choose} />}
            </Loaded>
          </Dialog>
        )
      )}
    </>
  );
}

function Audiences({ list, onChoose }: { list: Audience[]; onChoose: (lines: RuleLine[]) => void }) {
  const { t } = useTranslation();
  const [text, setText] = useState("");
  if (list.length === 0) return <Empty title={t("gray.earlier.none")} />;
  const found = list.filter((audience) => hasWords(audience, text.trim()));
  return (
    <div className="stack">
      {list.length > FEW && (
        <TextInput
          aria-label={t("gray.earlier.filter")}
          placeholder={t("gray.earlier.filter")}
          leftSection={<IconSearch size={16} stroke={1.8} />}
          value={text}
          data-autofocus
          onChange={(event) => setText(event.currentTarget.value)}
        />
      )}
      {found.length === 0 && <Empty title={t("state.noMatch")} />}
      <ul className={classes.earlier}>
        {found.map(({ cluster, ns, by, at, lines }) => (
          <li key={JSON.stringify(lines)}>
            <div>
              <Summary lines={lines} />
              <p className="note">
                <span className="mono">
                  {cluster} / {ns}
                </span>{" "}
                · <Since by={by} time={at} />
              </p>
            </div>
            <Button
              variant="default"
              size="compact-sm"
              aria-label={t("gray.earlier.useName", { name: lines.flatMap(members).slice(0, NAMED).join(", ") })}
              onClick={() => onChoose(lines)}
            >
              {t("gray.earlier.use")}
            </Button>
          </li>
        ))}
      </ul>
    </div>
  );
}

const members = ({ ips, labels }: RuleLine) => [...ips, ...labels];

/** Apps with their addresses and labels, or so many of them. */
export function Summary({ lines, most = NAMED }: { lines: RuleLine[]; most?: number }) {
  const { t } = useTranslation();
  return (
    <>
      {lines.map((line) => {
        const names = members(line);
        return line.ips.includes(ALL_CLIENTS) ? (
          <p key={line.app}>{t("gray.audience.all", { app: line.app })}</p>
        ) : (
          <p key={line.app} className="wrap">
            {line.app}: <span className="mono">{names.slice(0, most).join(", ")}</span>
            {names.length > most && ` ${t("gray.earlier.more", { count: names.length - most })}`}
          </p>
        );
      })}
    </>
  );
}
