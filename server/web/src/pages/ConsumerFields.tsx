// The fields of a third-party app that can be changed after its registration.
import { TextInput } from "@mantine/core";
import { useTranslation } from "react-i18next";

import type { UpdateConsumer } from "../api/schema";
import { DepartmentSelect } from "../components/DepartmentSelect";
import { UserPicker } from "../components/UserPicker";
import { checkName } from "../text/check";

const NAME_LENGTH = 128;

export type ConsumerDetails = Required<Omit<UpdateConsumer, "rateLimitEnabled">>;

export function checkDetails({ name, ownerName }: ConsumerDetails) {
  return { name: checkName(name, NAME_LENGTH), ownerName: checkName(ownerName, NAME_LENGTH) };
}

interface Props {
  value: ConsumerDetails;
  /** Whether invalid fields are marked. */
  isChecked: boolean;
  onChange: (changed: Partial<ConsumerDetails>) => void;
}

export function ConsumerFields({ value, isChecked, onChange }: Props) {
  const { t } = useTranslation();
  const problems = checkDetails(value);
  const error = (name: keyof typeof problems) => isChecked && problems[name] && t(`check.${problems[name]}`);
  return (
    <>
      <TextInput
        label={t("consumer.name")}
        value={value.name}
        error={error("name")}
        onChange={(event) => onChange({ name: event.currentTarget.value })}
      />
      <DepartmentSelect value={value} onChange={onChange} />
      <UserPicker
        label={t("consumer.owner")}
        value={value.ownerName}
        error={error("ownerName")}
        onChange={(ownerName) => onChange({ ownerName })}
      />
      <TextInput
        label={t("consumer.rateLimit")}
        description={t("consumer.rateLimitHelp")}
        type="number"
        min={0}
        value={value.rateLimit}
        onChange={(event) => onChange({ rateLimit: Math.max(0, Math.floor(Number(event.currentTarget.value)) || 0) })}
      />
    </>
  );
}
