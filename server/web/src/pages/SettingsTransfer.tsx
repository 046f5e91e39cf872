// Export of a cluster as an archive, and import of such an archive with the outcome of each entry.
import { Button, FileButton, NativeSelect } from "@mantine/core";
import { IconDownload, IconFileZip, IconUpload } from "@tabler/icons-react";
import { useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { useJob } from "../api/events";
import { useAppAdmin } from "../api/rights";
import { exportAddress, importArchive, type OnConflict } from "../api/settings";
import type { ImportedEntry } from "../api/schema";
import { DataTable } from "../components/DataTable";
import rollout from "../components/RolloutBar.module.css";
import { Empty, Failure } from "../components/States";
import publish from "./Publish.module.css";
import type { SectionProps } from "./SettingsGeneral";

const CONFLICTS = ["ignore", "cover"] as const;
const OUTCOMES = ["created", "changed", "unchanged", "skipped"] as const;

export function SettingsTransfer({ app, places }: SectionProps) {
  const { t } = useTranslation();
  const isAdmin = useAppAdmin(app);
  const targets = places.flatMap(({ env, clusters = [] }) => clusters.map((cluster) => `${env} / ${cluster}`));
  const [target, setTarget] = useState(targets[0] ?? "");
  const [env = "", cluster = ""] = target.split(" / ");
  const [file, setFile] = useState<File | null>(null);
  const [isMissing, setIsMissing] = useState(false);
  const [onConflict, setOnConflict] = useState<OnConflict>("ignore");
  const [job, setJob] = useState("");
  const upload = useAction(
    ({ archive, name }: { archive: File; name: string }) => importArchive(app, env, cluster, archive, onConflict, name),
    [
      ["list", app, env, cluster],
      ["draft", app, env, cluster],
    ],
  );
  const onSubmit = (event: SyntheticEvent) => {
    event.preventDefault();
    setIsMissing(file === null);
    if (!file) return;
    const name = Math.random().toString(36).slice(2);
    setJob(name);
    upload.mutate({ archive: file, name });
  };
  if (isAdmin === false) return <Empty title={t("settings.adminOnly")} />;
  if (targets.length === 0) return <Empty title={t("app.noEnvironment")} />;
  return (
    <>
      <div className="row">
        <NativeSelect
          label={t("env.environmentAndCluster")}
          data={targets}
          value={target}
          disabled={upload.isPending}
          onChange={(event) => {
            setTarget(event.currentTarget.value);
            upload.reset();
          }}
        />
      </div>
      <section className="card stack" aria-labelledby="export">
        <h2 id="export">{t("settings.transfer.export")}</h2>
        <p className="note">{t("settings.transfer.exportAbout")}</p>
        <div>
          <Button
            component="a"
            variant="default"
            href={exportAddress(app, env, cluster)}
            download
            leftSection={<IconDownload size={16} />}
          >
            {t("settings.transfer.exportAct", { target })}
          </Button>
        </div>
      </section>
      <form className="card stack" aria-labelledby="import" onSubmit={onSubmit}>
        <h2 id="import">{t("settings.transfer.import")}</h2>
        <p className="note">{t("settings.transfer.importAbout")}</p>
        <div className="row">
          <FileButton
            accept=".zip,application/zip"
            onChange={setFile}
            inputProps={{ "aria-label": t("settings.transfer.file") }}
          >
            {(props) => (
              <Button {...props} variant="default" leftSection={<IconFileZip size={16} />}>
                {t("settings.transfer.choose")}
              </Button>
            )}
          </FileButton>
          <span>{file?.name}</span>
          {isMissing && !file && <span role="alert">{t("check.required")}</span>}
        </div>
        <fieldset className={publish.choices}>
          <legend>{t("settings.transfer.conflict")}</legend>
          {CONFLICTS.map((choice) => (
            <label key={choice}>
              <input
                type="radio"
                name="conflict"
                checked={onConflict === choice}
                onChange={() => setOnConflict(choice)}
              />
              <span>
                {t(`settings.transfer.on.${choice}`)}{" "}
                <small className="note">{t(`settings.transfer.onAbout.${choice}`)}</small>
              </span>
            </label>
          ))}
        </fieldset>
        {upload.error && <Failure error={upload.error} />}
        {upload.isPending && <Progress id={job} />}
        <div className="row end">
          <Button type="submit" loading={upload.isPending} leftSection={<IconUpload size={16} />}>
            {t("settings.transfer.importAct", { target })}
          </Button>
        </div>
      </form>
      {upload.data && <Report entries={upload.data} />}
    </>
  );
}

function Progress({ id }: { id: string }) {
  const { t } = useTranslation();
  const job = useJob(id);
  if (!job) return null;
  return (
    <div className={rollout.rollout}>
      <progress aria-label={t("settings.transfer.progress")} max={job.total} value={job.done} />
      <span role="status">{t("settings.transfer.progressed", { done: job.done, total: job.total })}</span>
    </div>
  );
}

function Report({ entries }: { entries: ImportedEntry[] }) {
  const { t } = useTranslation();
  return (
    <section className="stack" aria-labelledby="report">
      <h2 id="report">{t("settings.transfer.report")}</h2>
      <p role="status">{t("settings.transfer.reported", { count: entries.length })}</p>
      <DataTable
        label={t("settings.transfer.report")}
        rows={entries}
        rowKey={({ path = "" }) => path}
        columns={[
          { name: t("settings.transfer.entry"), cell: ({ path }) => <span className="mono">{path}</span> },
          { name: t("settings.transfer.outcome"), cell: ({ outcome }) => <Outcome name={outcome} /> },
          { name: t("settings.transfer.items"), cell: ({ items }) => items },
        ]}
      />
    </section>
  );
}

function Outcome({ name = "" }: { name: string | undefined }) {
  const { t } = useTranslation();
  const known = OUTCOMES.find((outcome) => outcome === name);
  return known ? t(`settings.transfer.outcomes.${known}`) : name;
}
