// Asks before unsaved edits are left, by a link or the back button here, by the browser itself on a
// reload.
import { Button } from "@mantine/core";
import { useBlocker } from "@tanstack/react-router";
import { useLayoutEffect, useRef } from "react";
import { useTranslation } from "react-i18next";

import { Dialog } from "./Dialog";

interface Props {
  /** Whether the edits are not kept in this browser. */
  areLost?: boolean;
  /** The parameter of the address that identifies what is edited; without one, any change of the address leaves it. */
  parameter?: string;
}

export function LeaveGuard({ areLost = false, parameter }: Props) {
  const { t } = useTranslation();
  const isShown = useIsShown();
  const blocker = useBlocker({
    // An expired session leads to the sign-in and back, after a question of its own.
    shouldBlockFn: ({ current, next }) =>
      isShown.current && next.pathname !== "/signin" && !isSame(current, next, parameter),
    enableBeforeUnload: true,
    withResolver: true,
  });
  if (blocker.status !== "blocked") return null;
  return (
    <Dialog title={t("unsaved.title")} onClose={blocker.reset}>
      <div className="stack">
        <p>{t(areLost ? "unsaved.lost" : "unsaved.text")}</p>
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

interface Location {
  pathname: string;
  search: object;
}

function isSame(current: Location, next: Location, parameter: string | undefined): boolean {
  if (parameter === undefined || current.pathname !== next.pathname) return false;
  const valueOf = ({ search }: Location) => (search as Record<string, unknown>)[parameter];
  return valueOf(current) === valueOf(next);
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
