// Dialog that creates or changes one row of a ServerConfig table.
import { NativeSelect, PasswordInput, Textarea, TextInput } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { saveSetting, serverSettings } from "../api/admin";
import { Dialog } from "../components/Dialog";
import { DialogEnd } from "../components/DialogEnd";
import { prettyJson } from "../text/format";
import { isInRange, isSecret, isStored, type SettingRow } from "../text/settings";

interface Props {
  /** Null for the table of the portal. */
  env: string | null;
  /** Null for a new key. */
  row: SettingRow | null;
  onClose: () => void;
}

export function SettingDialog({ env, row, onClose }: Props) {
  const { t } = useTranslation();
  const [key, setKey] = useState(row?.key ?? "");
  const [value, setValue] = useState(row?.stored?.value ?? row?.known?.defaultValue ?? "");
  const [comment, setComment] = useState(row?.stored?.comment ?? "");
  const [isChecked, setIsChecked] = useState(false);
  const cluster = row?.cluster || "default";
  const setting = { key: key.trim(), value, comment, ...(env !== null && { cluster }) };
  const write = useAction(
    () => saveSetting(env, setting, row?.stored),
    [serverSettings(env).queryKey, ["root"]],
    onClose,
  );
  const stored = useQuery(serverSettings(env)).data ?? [];
  const isTaken = row === null && isStored(stored, setting);
  const known = row?.known;
  const needsJson = known?.kind === "object";
  const isNumber = known?.kind === "number";
  const isBroken = needsJson && value.trim() !== "" && prettyJson(value) === null;
  const isOutside = isNumber && !isInRange(known, value);
  const range = known && t(known.maximum === undefined ? "setting.atLeast" : "setting.range", { ...known });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsChecked(true);
    if (setting.key !== "" && !isTaken && !isBroken && !isOutside) write.mutate(undefined);
  };
  const field = {
    label: t("setting.value"),
    description: (known?.kind === "list" || known?.kind === "object") && t(`setting.${known.kind}`),
    value,
    onChange: (event: { currentTarget: { value: string } }) => setValue(event.currentTarget.value),
  };
  return (
    <Dialog size="lg" title={row ? t("setting.edit", { key: row.key }) : t("setting.new")} onClose={onClose}>
      <form className="stack" noValidate onSubmit={submit}>
        {known && <p className="note">{known.about}</p>}
        {row === null && (
          <TextInput
            label={t("setting.key")}
            classNames={{ input: "mono" }}
            data-autofocus
            value={key}
            error={isChecked && (setting.key === "" ? t("check.required") : isTaken && t("setting.taken"))}
            onChange={(event) => setKey(event.currentTarget.value)}
          />
        )}
        {known?.kind === "switch" ? (
          <NativeSelect {...field} data={["true", "false"]} />
        ) : isNumber ? (
          <TextInput
            {...field}
            description={range}
            inputMode="numeric"
            rightSection={known.unit}
            error={isChecked && isOutside && t("setting.outside", { range })}
          />
        ) : isSecret({ key, known }) ? (
          <PasswordInput
            {...field}
            autoComplete="off"
            visibilityToggleButtonProps={{ "aria-label": t("signIn.reveal") }}
          />
        ) : (
          <Textarea
            {...field}
            classNames={{ input: "mono" }}
            rows={needsJson || value.length > 80 ? 8 : 2}
            spellCheck={false}
            error={isChecked && isBroken && t("check.json")}
          />
        )}
        <TextInput
          label={t("item.comment")}
          value={comment}
          onChange={(event) => setComment(event.currentTarget.value)}
        />
        <DialogEnd write={write} action={t("setting.save")} onClose={onClose} />
      </form>
    </Dialog>
  );
}
