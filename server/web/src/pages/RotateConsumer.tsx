// Dialog that replaces the token of a third-party app, and shows the new one once.
import { Button, NativeSelect } from "@mantine/core";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { rotateConsumer } from "../api/admin";
import { Dialog } from "../components/Dialog";
import { DialogEnd } from "../components/DialogEnd";
import { ShownOnce } from "../components/ShownOnce";

/** Seconds for which the earlier token stays valid, by the names of their texts. */
const OVERLAPS = { none: 0, hour: 3600, day: 86_400, week: 604_800 } as const;
type Overlap = keyof typeof OVERLAPS;

export function RotateConsumer({ appId, onClose }: { appId: string; onClose: () => void }) {
  const { t } = useTranslation();
  const [overlap, setOverlap] = useState<Overlap>("none");
  const write = useAction(() => rotateConsumer(appId, OVERLAPS[overlap]), []);
  const token = write.data?.token;
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    write.mutate(undefined);
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
          <DialogEnd action={t("consumer.rotateAct")} write={write} onClose={onClose} />
        </form>
      )}
    </Dialog>
  );
}
