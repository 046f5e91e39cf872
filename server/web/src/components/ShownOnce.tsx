// A secret that the server returns only once, with a command that uses it.
import { Button } from "@mantine/core";
import { IconAlertTriangleFilled, IconCheck, IconCopy } from "@tabler/icons-react";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { copied } from "./copy";

interface Props {
  label: string;
  secret: string;
  command?: string;
}

export function ShownOnce({ label, secret, command }: Props) {
  const { t } = useTranslation();
  return (
    <div className="stack" role="status">
      <p className="caution">
        <IconAlertTriangleFilled size={18} aria-hidden /> {t("secret.once")}
      </p>
      <Copied label={label} text={secret} />
      {command && <Copied label={t("secret.command")} text={command} />}
    </div>
  );
}

function Copied({ label, text }: { label: string; text: string }) {
  const { t } = useTranslation();
  const [isDone, setIsDone] = useState(false);
  const copy = () => void copied(text).then(setIsDone);
  return (
    <div>
      <b>{label}</b>
      <div className="row">
        <code className="wrap secret">{text}</code>
        <Button
          variant="default"
          leftSection={isDone ? <IconCheck size={16} /> : <IconCopy size={16} />}
          onClick={copy}
        >
          {isDone ? t("secret.copied") : t("secret.copy")}
        </Button>
      </div>
    </div>
  );
}
