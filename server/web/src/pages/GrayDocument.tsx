// Edits the gray document of a namespace that is a file: JSON, YAML, XML or plain text.
import { Textarea } from "@mantine/core";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { inBranch, staleGray } from "../api/gray";
import type { Place } from "../api/queries";
import { saveText } from "../api/writes";
import { Dialog } from "../parts/Dialog";
import { DialogEnd } from "../parts/DialogEnd";

interface Props {
  place: Place;
  /** Name of the branch. */
  name: string;
  /** The state of its items on which the edit is based. */
  revision: string;
  format: string;
  text: string;
  onClose: () => void;
}

export function GrayDocument({ place, name, revision, format, text, onClose }: Props) {
  const { t } = useTranslation();
  const [value, setValue] = useState(text);
  const write = useAction(() => saveText(inBranch(place, name), format, value, revision), staleGray(place), onClose);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    write.mutate(undefined);
  };
  return (
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
        <DialogEnd write={write} action={t("item.save")} onClose={onClose} />
      </form>
    </Dialog>
  );
}
