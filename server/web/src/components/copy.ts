// Copies a text for a button, and reports where the browser refuses.
import i18next from "i18next";

import { copyText } from "../text/copy";
import { toast } from "./toast";

/** Returns whether the text was copied. */
export async function copied(text: string): Promise<boolean> {
  try {
    await copyText(text);
    return true;
  } catch {
    void toast(i18next.t("share.refused"));
    return false;
  }
}
