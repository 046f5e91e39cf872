// Shows what a text changes, then stores it. Items keep their types; a change that others have
// overtaken is not written.
import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useChanges } from "../api/changes";
import type { Draft, Place } from "../api/queries";
import { OrConflict } from "../components/ConflictView";
import { Dialog } from "../components/Dialog";
import { DiffView } from "../components/DiffView";
import { Failure } from "../components/States";
import { contentOf, rebase, storedItems, type ItemChange } from "../state/changes";
import { changeOf } from "../state/draft";
import {
  changesOf,
  changesWithoutBase,
  fromText,
  isRearranged,
  linesOf,
  valuesOf,
  type Order,
  type TextBase,
} from "../text/properties";

interface Props {
  place: Place;
  /** What the text is based on. */
  base: TextBase;
  draft: Draft;
  format: string;
  text: string;
  onDone: (isChanged: boolean) => void;
  onClose: () => void;
}

export function SaveText({ place, base, draft, format, text, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const [plan] = useState(() => planned(base, draft, format, text));
  const changes = useChanges(place, (made, _, isArranged) => onDone(made.length > 0 || isArranged), format);
  // Without a base, the changes are compared with what is stored.
  const revision = base.items ? base.revision : undefined;
  const save = () => changes.run(plan.changes, revision, plan.order);
  return (
    <OrConflict changes={changes}>
      <Dialog size="xl" title={t("text.preview")} onClose={onClose}>
        <div className="stack">
          {plan.order && <p>{t("text.rearranged")}</p>}
          {base.items === null && <p>{t("text.noBase")}</p>}
          <DiffView changes={plan.shown.map(changeOf)} ns={place.ns} />
          {changes.error && <Failure error={changes.error} />}
          <div className="row end">
            <Button variant="default" onClick={onClose}>
              {t("act.cancel")}
            </Button>
            <Button loading={changes.isPending} onClick={save} data-autofocus>
              {t("text.saveChanges", { count: plan.changes.length })}
            </Button>
          </div>
        </div>
      </Dialog>
    </OrConflict>
  );
}

interface Plan {
  changes: ItemChange[];
  /** Those of them that the preview shows. */
  shown: ItemChange[];
  /** Of the lines, if it changes as well. */
  order?: Order | undefined;
}

function planned({ items }: TextBase, draft: Draft, format: string, text: string): Plan {
  if (!items) {
    const wanted = format === "properties" ? valuesOf(fromText(text).lines) : new Map([["content", text]]);
    const changes = changesWithoutBase(wanted, draft.items ?? []);
    return { changes, shown: rebase(changes, storedItems(draft.items)) };
  }
  if (format !== "properties") {
    const was = storedItems(items).get("content") ?? null;
    const changes: ItemChange[] = [{ key: "content", was, now: { ...(was ?? contentOf({})), value: text } }];
    return { changes, shown: changes };
  }
  const order = { before: linesOf(items), after: fromText(text).lines };
  const changes = changesOf(order.after, items);
  return { changes, shown: changes, order: isRearranged(order.before, order.after) ? order : undefined };
}
