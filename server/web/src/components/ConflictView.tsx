// Keys that someone else has changed since an edit began: what was stored, the own value and theirs
// beside each other, and a choice for each key.
import { Button } from "@mantine/core";
import { useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

import type { Conflict, useChanges } from "../api/changes";
import type { StaleItem } from "../api/errors";
import classes from "./ConflictView.module.css";
import { Dialog } from "./Dialog";
import { Since } from "./Since";
import { Failure } from "./States";

interface Props {
  conflict: Conflict;
  isPending: boolean;
  error: Error | null;
  /** Receives the keys whose own value replaces the stored one. */
  onResolve: (mine: Set<string>) => void;
  onClose: () => void;
}

/** The conflict of these changes, or what is shown as long as there is none. */
export function OrConflict({ changes, children }: { changes: ReturnType<typeof useChanges>; children: ReactNode }) {
  if (!changes.conflict) return children;
  return (
    <ConflictView
      key={changes.conflict.revision}
      conflict={changes.conflict}
      isPending={changes.isPending}
      error={changes.error}
      onResolve={changes.resolve}
      onClose={changes.closeConflict}
    />
  );
}

function ConflictView({ conflict, isPending, error, onResolve, onClose }: Props) {
  const { t } = useTranslation();
  const [mine, setMine] = useState<Set<string>>(new Set());
  const isOfLines = conflict.isOrderLost && conflict.collisions.length === 0;
  const name = conflict.by || t("conflict.someone");
  const title = isOfLines ? t("conflict.linesTitle", { name }) : t("conflict.title", { name });
  const choose = (key: string, own: boolean) =>
    setMine((old) => new Set(own ? [...old, key] : [...old].filter((other) => other !== key)));
  return (
    <Dialog size="xl" title={title} onClose={onClose}>
      <div className="stack">
        {!isOfLines && <p>{t("conflict.text")}</p>}
        {conflict.isOrderLost && <p>{t("conflict.lines")}</p>}
        {conflict.collisions.map(({ change: { key, was, now }, theirs }) => (
          <fieldset key={key} className={classes.key}>
            <legend className="mono">{key}</legend>
            <div className={classes.sides}>
              <Side title={t("conflict.was")} value={was?.value} />
              <Choice
                name={key}
                title={t("conflict.yours")}
                value={now?.value}
                checked={mine.has(key)}
                onChoose={() => choose(key, true)}
              />
              <Choice
                name={key}
                title={t("conflict.theirs")}
                value={theirs?.value}
                author={conflict.authors.get(key)}
                checked={!mine.has(key)}
                onChoose={() => choose(key, false)}
              />
            </div>
          </fieldset>
        ))}
        {error && <Failure error={error} />}
        <div className="row end">
          <Button variant="default" onClick={onClose}>
            {t("act.cancel")}
          </Button>
          <Button loading={isPending} onClick={() => onResolve(mine)}>
            {t("conflict.save")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

function Side({ title, value }: { title: string; value: string | undefined }) {
  const { t } = useTranslation();
  return (
    <div className={classes.side}>
      <b>{title}</b>
      <code className="wrap">{value ?? t("conflict.none")}</code>
    </div>
  );
}

interface ChoiceProps {
  name: string;
  title: string;
  value: string | undefined;
  author?: StaleItem | undefined;
  checked: boolean;
  onChoose: () => void;
}

function Choice({ name, title, value, author, checked, onChoose }: ChoiceProps) {
  const { t } = useTranslation();
  return (
    <label className={classes.side} data-checked={checked}>
      <span>
        <input type="radio" name={`conflict ${name}`} checked={checked} onChange={onChoose} /> <b>{title}</b>
      </span>
      {author?.by && (
        <span className="note">
          <Since by={author.by} time={author.at ?? undefined} />
        </span>
      )}
      <code className="wrap">{value ?? t("conflict.none")}</code>
    </label>
  );
}
