// Asks for confirmation of an action, and shows its failure in the same place.
import { Button } from "@mantine/core";
import type { UseMutationResult } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTranslation } from "react-i18next";

import { Blockable, type Why } from "./Blockable";
import { Dialog } from "./Dialog";
import { Failure } from "./States";

interface Props {
  title: string;
  /** The name of the action and its object. */
  action: string;
  danger?: boolean;
  /** Why it cannot be confirmed yet. */
  why?: Why;
  size?: "md" | "lg" | "xl";
  write: Pick<UseMutationResult<unknown, Error, never>, "isPending" | "error">;
  onConfirm: () => void;
  onClose: () => void;
  children: ReactNode;
}

export function Confirm({ title, action, size = "md", write, onConfirm, onClose, children, ...props }: Props) {
  const { danger = false, why } = props;
  const { t } = useTranslation();
  return (
    <Dialog title={title} size={size} onClose={onClose}>
      <div className="stack">
        <div className="stack">{children}</div>
        {write.error && <Failure error={write.error} />}
        <div className="row end">
          <Button variant="default" onClick={onClose}>
            {t("act.cancel")}
          </Button>
          <Blockable why={why}>
            <Button
              color={danger ? "red" : "blue"}
              loading={write.isPending}
              onClick={onConfirm}
              data-autofocus={!why || undefined}
            >
              {action}
            </Button>
          </Blockable>
        </div>
      </div>
    </Dialog>
  );
}
