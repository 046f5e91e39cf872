// Dialog that changes a third-party app.
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";
import type { QueryKey } from "@tanstack/react-query";

import { useAction } from "../api/action";
import { updateConsumer } from "../api/admin";
import type { Consumer } from "../api/schema";
import { Dialog } from "../components/Dialog";
import { DialogEnd } from "../components/DialogEnd";
import { checkDetails, ConsumerFields } from "./ConsumerFields";

interface Props {
  consumer: Consumer;
  stale: QueryKey[];
  onReload: () => void;
  onClose: () => void;
}

export function EditConsumer({ consumer, stale, onReload, onClose }: Props) {
  const { t } = useTranslation();
  const { appId = "", name = "", orgId = "", orgName = "", ownerName = "", rateLimit = 0 } = consumer;
  const [details, setDetails] = useState({ name, orgId, orgName, ownerName, rateLimit });
  const [isChecked, setIsChecked] = useState(false);
  const write = useAction(() => updateConsumer(consumer, details), stale, onClose);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (Object.values(checkDetails(details)).every((problem) => problem === null)) write.mutate(undefined);
  };
  return (
    <Dialog size="lg" title={t("consumer.edit", { name: appId })} onClose={onClose}>
      <form className="stack" noValidate onSubmit={submit}>
        <ConsumerFields
          value={details}
          isChecked={isChecked}
          onChange={(changed) => setDetails({ ...details, ...changed })}
        />
        <DialogEnd write={write} action={t("consumer.save")} onReload={onReload} onClose={onClose} />
      </form>
    </Dialog>
  );
}
