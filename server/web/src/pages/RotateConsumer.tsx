// Dialog that replaces the token of a third-party app, and shows the new one once.
import { Button, NativeSelect, TextInput } from "@mantine/core";
import type { QueryKey } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { rotateConsumer } from "../api/admin";
import type { Consumer } from "../api/schema";
import { Dialog } from "../components/Dialog";
import { DialogEnd } from "../components/DialogEnd";
import { ShownOnce } from "../components/ShownOnce";
import { parseTime } from "../text/format";

/** Seconds for which the earlier token stays valid, by the names of their texts. */
const OVERLAPS = { none: 0, hour: 3600, day: 86_400, week: 604_800 } as const;
type Overlap = keyof typeof OVERLAPS;

interface Props {
  consumer: Consumer;
  stale: QueryKey[];
  onClose: () => void;
}

export function RotateConsumer({ consumer: { appId = "", expires }, stale, onClose }: Props) {
  const { t } = useTranslation();
  const [overlap, setOverlap] = useState<Overlap>("none");
  const [lastDay, setLastDay] = useState("");
  const [lacksDay, setLacksDay] = useState(false);
  const write = useAction(() => rotateConsumer(appId, OVERLAPS[overlap], lastDay), stale);
  const token = write.data?.token;
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    // Also fails for a part of a day, whose value is empty.
    const isValid = event.currentTarget.checkValidity();
    setLacksDay(!isValid);
    if (isValid) write.mutate(undefined);
    else event.currentTarget.querySelector("input")?.focus();
  };
  return (
    <Dialog title={t("consumer.rotate", { name: appId })} onClose={onClose}>
      {token ? (
        <div className="stack">
          <ShownOnce label={t("consumer.token")} secret={token} />
          <div className="row end">
            <Button onClick={onClose}>{t("act.close")}</Button>
          </div>
        </div>
      ) : (
        <form className="stack" noValidate onSubmit={submit}>
          <p>{t("consumer.rotateText")}</p>
          <NativeSelect
            label={t("consumer.overlap")}
            value={overlap}
            data={(Object.keys(OVERLAPS) as Overlap[]).map((value) => ({
              value,
              label: t(`consumer.overlaps.${value}`),
            }))}
            onChange={(event) => setOverlap(event.currentTarget.value as Overlap)}
          />
          <LastDay
            present={parseTime(expires)}
            value={lastDay}
            isMissing={lacksDay}
            onChange={(day) => {
              setLastDay(day);
              setLacksDay(false);
            }}
          />
          <DialogEnd action={t("consumer.rotateAct")} write={write} onClose={onClose} />
        </form>
      )}
    </Dialog>
  );
}

interface LastDayProps {
  /** End of the present token; null if it is not known. */
  present: Date | null;
  value: string;
  isMissing: boolean;
  onChange: (day: string) => void;
}

/** Must be chosen once the present token has expired: the new one cannot end like that. */
function LastDay({ present, value, isMissing, onChange }: LastDayProps) {
  const { t, i18n } = useTranslation();
  const [now] = useState(() => Date.now());
  const isExpired = present !== null && present.getTime() <= now;
  const time = present?.toLocaleString(i18n.language, { dateStyle: "medium", timeStyle: "short" });
  const kept = isExpired ? t("consumer.lastDayNeeded", { time }) : t("consumer.lastDayKept", { time });
  return (
    <TextInput
      type="date"
      label={t("consumer.lastDay")}
      description={present ? kept : t("consumer.lastDayHelp")}
      required={isExpired}
      value={value}
      error={isMissing && t("consumer.chooseDay")}
      onChange={(event) => onChange(event.currentTarget.value)}
    />
  );
}
