// Asks for confirmation of an action, and shows its failure in the same place.
import { Button } from "@mantine/core";
import type { UseMutationResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Dialog } from "./Dialog";
import { Failure } from "./States";

interface Props {
  title: string;
  /** The name of the action and its object. */
  action: string;
  danger?: boolean;
  write: Pick<UseMutationResult<unknown, Error, never>, "isPending" | "error">;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

export function Confirm({ title, action, danger = false, write, onConfirm, onClose, children }: Props) {
  const { t } = useTranslation();
  return (
    <Dialog title={title} onClose={onClose}>
      <div className="stack">
        <div>{children}</div>
        {write.error && <Failure error={write.error} />}
        <div className="row end">
          <Button variant="default" onClick={onClose}>
            {t("act.cancel")}
          </Button>
          <Button color={danger ? "red" : "blue"} loading={write.isPending} onClick={onConfirm} data-autofocus>
            {action}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
