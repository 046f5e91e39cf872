// Asks for confirmation of an action that ends what others use: the name of its object has to be typed.
import { TextInput } from "@mantine/core";
import type { UseMutationResult } from "@tanstack/react-query";
import { useState, type ReactNode, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { Dialog } from "./Dialog";
import { DialogEnd } from "./DialogEnd";

interface Props {
  title: string;
  /** The name of the action and its object. */
  action: string;
  /** What has to be typed. */
  name: string;
  write: Pick<UseMutationResult<unknown, Error, never>, "isPending" | "error">;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

export function ConfirmName({ title, action, name, write, onConfirm, onClose, children }: Props) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState("");
  const [isWrong, setIsWrong] = useState(false);
  const onSubmit = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsWrong(typed !== name);
    if (typed === name) onConfirm();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className="stack" onSubmit={onSubmit}>
        <div className="stack">{children}</div>
        <TextInput
          label={t("confirmName.label", { name })}
          value={typed}
          error={isWrong && t("confirmName.wrong")}
          autoComplete="off"
          spellCheck={false}
          data-autofocus
          onChange={(event) => setTyped(event.currentTarget.value)}
        />
        <DialogEnd write={write} action={action} color="red" onClose={onClose} />
      </form>
    </Dialog>
  );
}
