// Dialog that registers a third-party app.
import { Checkbox, TextInput } from "@mantine/core";
import { useQuery, type QueryKey } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { createConsumer } from "../api/admin";
import { organizations, useBoot } from "../api/queries";
import type { Consumer } from "../api/schema";
import { Dialog } from "../parts/Dialog";
import { DialogEnd } from "../parts/DialogEnd";
import { UserPicker } from "../parts/UserPicker";
import { checkAppId, checkName } from "../text/check";

const NAME_LENGTH = 128;

interface Props {
  stale: QueryKey[];
  onMade: (consumer: Consumer) => void;
  onClose: () => void;
}

export function NewConsumer({ stale, onMade, onClose }: Props) {
  const { t } = useTranslation();
  const { user } = useBoot();
  const [department] = useQuery(organizations).data ?? [];
  const [consumer, setConsumer] = useState({
    appId: "",
    name: "",
    ownerName: user.userId,
    rateLimit: 0,
    allowCreateApplication: false,
    allowManageUsers: false,
  });
  const [isChecked, setIsChecked] = useState(false);
  const change = (part: Partial<typeof consumer>) => setConsumer({ ...consumer, ...part });
  const { orgId = "default", orgName = orgId } = department ?? {};
  const write = useAction(
    () => createConsumer({ ...consumer, rateLimitEnabled: consumer.rateLimit > 0, orgId, orgName }),
    stale,
    (made) => made && onMade(made),
  );
  const problems = {
    appId: checkAppId(consumer.appId),
    name: checkName(consumer.name, NAME_LENGTH),
    ownerName: checkName(consumer.ownerName, NAME_LENGTH),
  };
  const error = (name: keyof typeof problems) => isChecked && problems[name] && t(`check.${problems[name]}`);
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (Object.values(problems).every((problem) => problem === null)) write.mutate(undefined);
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
          error={error("appId")}
          onChange={(event) => change({ appId: event.currentTarget.value })}
        />
        <TextInput
          label={t("consumer.name")}
          value={consumer.name}
          error={error("name")}
          onChange={(event) => change({ name: event.currentTarget.value })}
        />
        <UserPicker
          label={t("consumer.owner")}
          value={consumer.ownerName}
          error={error("ownerName")}
          onChange={(ownerName) => change({ ownerName })}
        />
        <TextInput
          label={t("consumer.rateLimit")}
          description={t("consumer.rateLimitHelp")}
          type="number"
          min={0}
          value={consumer.rateLimit}
          onChange={(event) => change({ rateLimit: Math.max(0, Math.floor(Number(event.currentTarget.value)) || 0) })}
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
