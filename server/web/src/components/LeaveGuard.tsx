// Asks before unsaved edits are left, by a link or the back button here, by the browser itself on a
// reload.
import { Button } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { useLayoutEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { Dialog } from "./Dialog";

export function LeaveGuard() {
  const { t } = useTranslation();
  const isShown = useIsShown();
  const blocker = useBlocker({
    // An expired session leads to the sign-in and back; the edit is kept.
    shouldBlockFn: ({ next }) => isShown.current && next.pathname !== "/signin",
    enableBeforeUnload: true,
    withResolver: true,
  });
  if (blocker.status !== "blocked") return null;
  return (
    <Dialog title={t("unsaved.title")} onClose={blocker.reset}>
      <div className="stack">
        <p>{t("unsaved.text")}</p>
        <div className="row end">
          <Button variant="default" onClick={blocker.proceed}>
            {t("unsaved.leave")}
          </Button>
          <Button onClick={blocker.reset} data-autofocus>
            {t("unsaved.stay")}
          </Button>
        </div>
      </div>
    </Dialog>
  );
}

/**
 * Whether the guard is in the document. The router forgets a blocker only after the browser has
 * painted; a key pressed before that would lead to a question that nobody sees.
 */
function useIsShown() {
  const isShown = useRef(true);
  useLayoutEffect(() => {
    isShown.current = true;
    return () => {
      isShown.current = false;
    };
  }, []);
  return isShown;
}
