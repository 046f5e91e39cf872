// The end of a form in a dialog: why it was refused, and the buttons that close and send it.
import { Button } from "@mantine/core";
import type { UseMutationResult } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { isStale } from "../api/errors";
import { Failure } from "./States";

interface Props {
  /** Text of the button that sends the form. */
  action: string;
  color?: "blue" | "red";
  write: Pick<UseMutationResult<unknown, Error, never>, "isPending" | "error">;
  /** Shows what is stored instead of what was typed, once somebody else has changed it. */
  onReload?: () => void;
  onClose: () => void;
}

export function DialogEnd({ action, color = "blue", write, onReload, onClose }: Props) {
  const { t } = useTranslation();
  return (
    <>
      {write.error && <Failure error={write.error} onRetry={isStale(write.error) ? onReload : undefined} />}
      <div className="row end">
        <Button variant="default" onClick={onClose}>
          {t("act.cancel")}
        </Button>
        <Button type="submit" color={color} loading={write.isPending}>
          {action}
        </Button>
      </div>
    </>
  );
}
