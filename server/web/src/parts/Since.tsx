// A relative time; the exact one with its time zone is in the tooltip.
import { useTranslation } from "react-i18next";

import { parseTime, since } from "../text/format";

export function Since({ time }: { time: string | undefined }) {
  const { i18n } = useTranslation();
  const at = parseTime(time);
  if (!at) return null;
  return (
    <time dateTime={at.toISOString()} title={at.toString()}>
      {since(at, new Date(), i18n.language)}
    </time>
  );
}
