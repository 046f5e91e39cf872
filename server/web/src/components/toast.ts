// Shows a short message for a few seconds, which screen readers announce. Loaded when first used.
import i18next from "i18next";

import { errorKind } from "../api/errors";

export async function toast(message: string): Promise<void> {
  const { showToast } = await import("./Toasts");
  showToast(message);
}

/** Reports what happened to an action that has no place of its own for it. */
export function toastFailure(error: unknown): void {
  void toast(i18next.t(`error.${errorKind(error)}.what`));
}
