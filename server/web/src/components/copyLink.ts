// Copies the link to what is shown.
import i18next from "i18next";

import { sharedLink } from "../state/share";
import { copyText } from "../text/copy";
import { toast } from "./toast";

export async function copyLink(): Promise<void> {
  const { href, isShortened } = sharedLink(window.location.href);
  try {
    await copyText(href);
    await toast(i18next.t(isShortened ? "share.shortened" : "share.copied"));
  } catch {
    // The browser refused: the user copies it from the message.
    await toast(href);
  }
}
