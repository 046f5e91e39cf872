// Edits the gray document of a namespace that is a file: JSON, YAML, XML or plain text.
import { Textarea } from "@mantine/core";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useChanges } from "../api/changes";
import { inBranch } from "../api/gray";
import type { Place } from "../api/queries";
import { OrConflict } from "../components/ConflictView";
import { Dialog } from "../components/Dialog";
import { DialogEnd } from "../components/DialogEnd";
import type { ItemChange, ItemContent } from "../state/changes";

interface Props {
  place: Place;
  /** Name of the branch. */
  name: string;
  /** What the branch stored when the edit began, and the state of its items then. */
  was: ItemContent | null;
  revision: string;
  format: string;
  text: string;
  onDone: (made: ItemChange[]) => void;
  onClose: () => void;
}

export function GrayDocument({ place, name, was, revision, format, text, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const [value, setValue] = useState(text);
  const changes = useChanges(inBranch(place, name), onDone, format);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    changes.run([{ key: "content", was, now: { type: 0, comment: "", ...was, value } }], revision);
  };
  return (
    <OrConflict changes={changes}>
      <Dialog size="xl" title={t("gray.change.values")} onClose={onClose}>
        <form className="stack" noValidate onSubmit={submit}>
          <Textarea
            label={t("gray.change.gray")}
            classNames={{ input: "mono" }}
            rows={20}
            spellCheck={false}
            data-autofocus
            value={value}
            onChange={(event) => setValue(event.currentTarget.value)}
          />
          <DialogEnd write={changes} action={t("item.save")} onClose={onClose} />
        </form>
      </Dialog>
    </OrConflict>
  );
}
