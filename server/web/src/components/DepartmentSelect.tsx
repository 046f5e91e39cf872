// Choice of a department. One that is not configured any more stays in the list where it is chosen.
import { NativeSelect } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { organizations } from "../api/queries";

interface Department {
  orgId: string;
  orgName: string;
}

export function DepartmentSelect({ value, onChange }: { value: Department; onChange: (chosen: Department) => void }) {
  const { t } = useTranslation();
  const departments = useQuery(organizations).data ?? [];
  const isKnown = departments.some(({ orgId }) => orgId === value.orgId);
  return (
    <NativeSelect
      label={t("newApp.orgId")}
      value={value.orgId}
      data={[
        ...(isKnown ? [] : [{ value: value.orgId, label: value.orgName }]),
        ...departments.map(({ orgId, orgName }) => ({ value: orgId, label: orgName })),
      ]}
      onChange={(event) => {
        const orgId = event.currentTarget.value;
        onChange({ orgId, orgName: departments.find((other) => other.orgId === orgId)?.orgName ?? "" });
      }}
    />
  );
}
