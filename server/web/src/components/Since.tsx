// A relative time, after the person whose doing it dates; the exact one with its time zone is in the tooltip.
import { useTranslation } from "react-i18next";

import { parseTime, since } from "../text/format";

interface Props {
  by?: string | undefined;
  time: string | undefined;
}

export function Since({ by, time }: Props) {
  const { i18n } = useTranslation();
  const at = parseTime(time);
  return (
    <>
      {by}
      {by && at && " · "}
      {at && (
        <time dateTime={at.toISOString()} title={at.toString()}>
          {since(at, new Date(), i18n.language)}
        </time>
      )}
    </>
  );
}
