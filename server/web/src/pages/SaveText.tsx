// Shows what a text changes, then stores it. Items keep their types; a change that others have
// overtaken is not written.
import { Button } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useChanges } from "../api/changes";
import type { Draft, Place } from "../api/queries";
import { changeItems, saveText, useWrite } from "../api/writes";
import { OrConflict } from "../components/ConflictView";
import { Dialog } from "../components/Dialog";
import { DiffView } from "../components/DiffView";
import { Failure } from "../components/States";
import { rebase, storedItems, type ItemChange } from "../state/changes";
import { changeOf } from "../state/draft";
import {
  changesOf,
  changesWithoutBase,
  fromText,
  isLostInText,
  isRearranged,
  linesOf,
  valuesOf,
  wireText,
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
  const changes = useChanges(place, (made) => onDone(made.length > 0), format);
  const layout = useWrite(
    () => rewrite(place, plan, base),
    place,
    () => onDone(true),
  );
  const error = changes.error ?? layout.error;
  // Without a base, the changes are compared with what is stored.
  const revision = base.items ? base.revision : undefined;
  const save = () => (plan.isRearranged ? layout.mutate(undefined) : changes.run(plan.changes, revision));
  return (
    <OrConflict changes={changes}>
      <Dialog size="xl" title={t("text.preview")} onClose={onClose}>
        <div className="stack">
          {plan.isRearranged && <p>{t("text.rearranged")}</p>}
          {base.items === null && <p>{t("text.noBase")}</p>}
          <DiffView changes={plan.shown.map(changeOf)} ns={place.ns} />
          {error && <Failure error={error} />}
          <div className="row end">
            <Button variant="default" onClick={onClose}>
              {t("act.cancel")}
            </Button>
            <Button loading={changes.isPending || layout.isPending} onClick={save} data-autofocus>
              {t("text.saveChanges", { count: plan.changes.length })}
            </Button>
          </div>
        </div>
      </Dialog>
    </OrConflict>
  );
}

type Plan = ReturnType<typeof planned>;

function planned({ items }: TextBase, draft: Draft, format: string, text: string) {
  if (!items) {
    const wanted = format === "properties" ? valuesOf(fromText(text).lines) : new Map([["content", text]]);
    const changes = changesWithoutBase(wanted, draft.items ?? []);
    return { changes, shown: rebase(changes, storedItems(draft.items)), isRearranged: false, lines: [] };
  }
  if (format !== "properties") {
    const content = items.find((item) => item.key === "content");
    const was = content ? { value: content.value ?? "", type: content.type ?? 0, comment: "" } : null;
    const changes: ItemChange[] = [{ key: "content", was, now: { type: 0, comment: "", ...was, value: text } }];
    return { changes, shown: changes, isRearranged: false, lines: [] };
  }
  const { lines } = fromText(text);
  const changes = changesOf(lines, items);
  return { changes, shown: changes, isRearranged: isRearranged(linesOf(items), lines), lines };
}

/**
 * Stores all lines, with their comments and their order. The server reads some values of such a text
 * differently; these are written again.
 */
async function rewrite(place: Place, { lines }: Plan, { items, revision }: TextBase): Promise<void> {
  const saved = await saveText(place, "properties", wireText(lines), revision);
  const lost = lines.filter(isLostInText);
  if (lost.length === 0) return;
  const stored = new Map(items?.map((item) => [item.key, item]));
  const item = ({ key, value }: { key: string; value: string }) => {
    const { type = 0, comment = "" } = stored.get(key) ?? {};
    return { key, value, type, comment };
  };
  await changeItems(place, { update: lost.map(item) }, saved);
}
