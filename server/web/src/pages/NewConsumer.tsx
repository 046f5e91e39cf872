// Dialog that registers a third-party app.
import { Checkbox, TextInput } from "@mantine/core";
import { useQuery, type QueryKey } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { createConsumer } from "../api/admin";
import { organizations, useBoot } from "../api/queries";
import type { Consumer, CreateConsumer } from "../api/schema";
import { Dialog } from "../components/Dialog";
import { DialogEnd } from "../components/DialogEnd";
import { checkAppId } from "../text/check";
import { checkDetails, ConsumerFields } from "./ConsumerFields";

type Form = Required<Omit<CreateConsumer, "rateLimitEnabled">>;

interface Props {
  stale: QueryKey[];
  onMade: (consumer: Consumer) => void;
  onClose: () => void;
}

export function NewConsumer({ stale, onMade, onClose }: Props) {
  const { t } = useTranslation();
  const { user } = useBoot();
  const [department] = useQuery(organizations).data ?? [];
  const { orgId = "default", orgName = orgId } = department ?? {};
  const [changed, setChanged] = useState<Partial<Form>>({});
  const consumer: Form = {
    appId: "",
    name: "",
    orgId,
    orgName,
    ownerName: user.userId,
    rateLimit: 0,
    allowCreateApplication: false,
    allowManageUsers: false,
    ...changed,
  };
  const [lastDay, setLastDay] = useState("");
  const [isPartOfDay, setPartOfDay] = useState(false);
  const [isChecked, setIsChecked] = useState(false);
  const change = (part: Partial<Form>) => setChanged({ ...changed, ...part });
  const write = useAction(
    () => createConsumer({ ...consumer, rateLimitEnabled: consumer.rateLimit > 0 }, lastDay),
    stale,
    (made) => made && onMade(made),
  );
  const problems = { appId: checkAppId(consumer.appId), ...checkDetails(consumer) };
  const submit = (event: SyntheticEvent<HTMLFormElement>) => {
    event.preventDefault();
    setIsChecked(true);
    // The value of a part of a day is empty: the token would not expire.
    const isWhole = event.currentTarget.querySelector<HTMLInputElement>("[type=date]")?.checkValidity() ?? true;
    setPartOfDay(!isWhole);
    if (isWhole && Object.values(problems).every((problem) => problem === null)) write.mutate(undefined);
  };
  return (
    <Dialog size="lg" title={t("consumer.new")} onClose={onClose}>
      <form className="stack" noValidate onSubmit={submit}>
        <TextInput
          label={t("consumer.appId")}
          description={t("consumer.appIdHelp")}
          classNames={{ input: "mono" }}
          data-autofocus
          value={consumer.appId}
          error={isChecked && problems.appId && t(`check.${problems.appId}`)}
          onChange={(event) => change({ appId: event.currentTarget.value })}
        />
        <ConsumerFields value={consumer} isChecked={isChecked} onChange={change} />
        <TextInput
          type="date"
          label={t("consumer.tokenLastDay")}
          description={t("consumer.tokenLastDayHelp")}
          value={lastDay}
          error={isPartOfDay && t("consumer.chooseDay")}
          onChange={(event) => {
            setLastDay(event.currentTarget.value);
            setPartOfDay(false);
          }}
        />
        <Checkbox
          label={t("consumer.mayCreate")}
          checked={consumer.allowCreateApplication}
          onChange={(event) => change({ allowCreateApplication: event.currentTarget.checked })}
        />
        <Checkbox
          label={t("consumer.mayManage")}
          checked={consumer.allowManageUsers}
          onChange={(event) => change({ allowManageUsers: event.currentTarget.checked })}
        />
        <DialogEnd write={write} action={t("consumer.create")} onClose={onClose} />
      </form>
    </Dialog>
  );
}
