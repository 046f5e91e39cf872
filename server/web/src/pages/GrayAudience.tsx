// Second step of a gray release: which clients receive it, chosen among known instances or typed.
import { Button, Checkbox, Textarea, TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { IconPlus, IconTrash, IconUsers } from "@tabler/icons-react";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { grayPreview, saveRules, staleGray } from "../api/gray";
import type { Place } from "../api/queries";
import type { OpenInstanceDTO } from "../api/schema";
import { Blockable } from "../components/Blockable";
import { LeaveGuard } from "../components/LeaveGuard";
import { NoRight } from "../components/NoRight";
import { Failure } from "../components/States";
import { ALL_CLIENTS, byAddress, ruleItems, shareOf, type RuleLine } from "../state/gray";
import { listOf } from "../text/list";
import classes from "./Gray.module.css";
import { GrayEarlier, Summary } from "./GrayEarlier";
import type { GrayParts } from "./grayParts";

/** In percent of the known instances. */
const SHARES = [5, 10, 25, 50];
/** After the last change of a rule, before its instances are counted. */
const PAUSE_MS = 250;

interface Edit {
  lines: RuleLine[];
  /** The revision of the stored rules that the user has seen. */
  base: string;
}

export function GrayAudience({ place, name, facts, state, rights, master, go }: GrayParts) {
  const { t } = useTranslation();
  const [edit, setEdit] = useState<Edit | null>(null);
  const stored = facts.lines.length > 0 ? facts.lines : [{ app: place.app, ips: [], labels: [] }];
  const lines = edit?.lines ?? stored;
  // Rules that were saved may be stored although no answer arrived.
  const isChanged = JSON.stringify(ruleItems(lines)) !== JSON.stringify(ruleItems(stored));
  const base = edit && isChanged ? edit.base : state.rulesRevision;
  const setLines = (lines: RuleLine[]) => setEdit({ lines, base });
  const write = useAction(
    () => saveRules(place, name, ruleItems(lines), base),
    staleGray(place),
    () => go("observe"),
  );
  const instances = [...state.onMaster.list, ...state.inBranch.list].sort(byAddress);
  const mayEdit = rights.edit || rights.publish;
  // What is saved is shown until the next step is.
  const isUnsaved = isChanged && !write.isPending && !write.isSuccess;
  const isOvertaken = isUnsaved && base !== state.rulesRevision;
  const decide = (next: Edit | null) => {
    write.reset();
    setEdit(next);
  };
  const change = (index: number, part: Partial<RuleLine>) =>
    setLines(lines.map((line, at) => (at === index ? { ...line, ...part } : line)));
  return (
    <section className={classes.stack} aria-label={t("gray.step.audience")}>
      <div className="row">
        <p className={`note ${classes.help}`}>{t("gray.audience.help")}</p>
        {mayEdit && <GrayEarlier place={place} isPublic={master.isPublic === true} lines={lines} onChoose={setLines} />}
      </div>
      {lines.map((line, index) => (
        <Line
          key={index}
          line={line}
          instances={instances}
          isReadOnly={!mayEdit}
          hasApp={master.isPublic === true}
          onChange={(part) => change(index, part)}
          onRemove={lines.length > 1 ? () => setLines(lines.filter((_, at) => at !== index)) : undefined}
        />
      ))}
      {master.isPublic && mayEdit && (
        <div>
          <Button
            variant="default"
            leftSection={<IconPlus size={16} />}
            onClick={() => setLines([...lines, { app: "", ips: [], labels: [] }])}
          >
            {t("gray.audience.addApp")}
          </Button>
        </div>
      )}
      <Matched place={place} name={name} lines={lines} />
      {isUnsaved && <LeaveGuard areLost />}
      {isOvertaken ? (
        <Overtaken
          lines={facts.lines}
          onTake={() => decide(null)}
          onKeep={() => decide({ lines, base: state.rulesRevision })}
        />
      ) : (
        write.error && <Failure error={write.error} />
      )}
      {mayEdit ? (
        <div className="row end">
          <Blockable why={isOvertaken && t("gray.audience.overtaken")}>
            <Button loading={write.isPending} onClick={() => write.mutate(undefined)}>
              {t("gray.audience.save")}
            </Button>
          </Blockable>
        </div>
      ) : (
        <NoRight rights={rights} needed={t("gray.needEdit")} request={{ at: place, missing: ["edit"] }} />
      )}
    </section>
  );
}

interface OvertakenProps {
  /** What somebody else has stored since the edit began. */
  lines: RuleLine[];
  onTake: () => void;
  onKeep: () => void;
}

function Overtaken({ lines, onTake, onKeep }: OvertakenProps) {
  const { t } = useTranslation();
  return (
    <section className={`card ${classes.stack}`} aria-label={t("gray.audience.overtaken")}>
      <p role="alert">{t("gray.audience.overtaken")}</p>
      <p className="note">{t("conflict.theirs")}</p>
      {ruleItems(lines).length > 0 ? (
        <Summary lines={lines} most={Infinity} />
      ) : (
        <p className="note">{t("gray.step.noAudience")}</p>
      )}
      <div className="row end">
        <Button variant="default" onClick={onTake}>
          {t("gray.audience.take")}
        </Button>
        <Button variant="default" onClick={onKeep}>
          {t("gray.audience.keep")}
        </Button>
      </div>
    </section>
  );
}

interface LineProps {
  line: RuleLine;
  instances: OpenInstanceDTO[];
  isReadOnly: boolean;
  hasApp: boolean;
  onChange: (part: Partial<RuleLine>) => void;
  onRemove: (() => void) | undefined;
}

function Line({ line, instances, isReadOnly, hasApp, onChange, onRemove }: LineProps) {
  const { t } = useTranslation();
  const isAll = line.ips.includes(ALL_CLIENTS);
  const known = instances.filter((instance) => instance.appId === line.app);
  const toggle = (ip: string, on: boolean) =>
    onChange({ ips: on ? [...line.ips, ip] : line.ips.filter((other) => other !== ip) });
  return (
    <div className={`card ${classes.stack}`}>
      {hasApp && (
        <div className="fields">
          <TextInput
            className="grow"
            label={t("gray.audience.app")}
            classNames={{ input: "mono" }}
            value={line.app}
            readOnly={isReadOnly}
            onChange={(event) => onChange({ app: event.currentTarget.value.trim() })}
          />
          {onRemove && !isReadOnly && (
            <Button
              className="low"
              variant="subtle"
              color="red"
              leftSection={<IconTrash size={16} />}
              onClick={onRemove}
            >
              {t("gray.audience.removeApp")}
            </Button>
          )}
        </div>
      )}
      <Checkbox
        label={t("gray.audience.all", { app: line.app })}
        checked={isAll}
        disabled={isReadOnly}
        onChange={(event) => onChange({ ips: event.currentTarget.checked ? [ALL_CLIENTS] : [] })}
      />
      {!isAll && known.length > 0 && (
        <fieldset className={classes.known}>
          <legend>{t("gray.audience.known")}</legend>
          {!isReadOnly && known.length > 1 && <Shares {...{ line, known, onChange }} />}
          {known.map(({ id, ip = "", dataCenter }) => (
            <label key={id}>
              <input
                type="checkbox"
                checked={line.ips.includes(ip)}
                disabled={isReadOnly}
                onChange={(event) => toggle(ip, event.currentTarget.checked)}
              />
              <span className="mono">{ip}</span> <small className="note">{dataCenter}</small>
            </label>
          ))}
        </fieldset>
      )}
      {!isAll && (
        <div className={classes.lists}>
          <ListField
            label={t("gray.audience.ips")}
            list={line.ips}
            isReadOnly={isReadOnly}
            onChange={(ips) => onChange({ ips })}
          />
          <ListField
            label={t("gray.audience.labels")}
            help={t("gray.audience.labelsHelp")}
            list={line.labels}
            isReadOnly={isReadOnly}
            onChange={(labels) => onChange({ labels })}
          />
        </div>
      )}
    </div>
  );
}

/** Chooses a part of the known instances; addresses that are not known stay. */
function Shares({ line, known, onChange }: Pick<LineProps, "line" | "onChange"> & { known: OpenInstanceDTO[] }) {
  const { t } = useTranslation();
  const ips = known.flatMap(({ ip }) => (ip ? [ip] : []));
  const choose = (percent: number) =>
    onChange({ ips: [...line.ips.filter((ip) => !ips.includes(ip)), ...shareOf(ips, percent)] });
  return (
    <div role="group" aria-label={t("gray.audience.share")} className={classes.shares}>
      <span className="note" aria-hidden>
        {t("gray.audience.share")}
      </span>
      {SHARES.map((percent) => (
        <Button key={percent} size="compact-sm" variant="default" onClick={() => choose(percent)}>
          {t("gray.audience.percent", { percent })}
        </Button>
      ))}
      <span className="note">{t("gray.audience.shareHelp")}</span>
    </div>
  );
}

interface ListFieldProps {
  label: string;
  help?: string;
  list: string[];
  isReadOnly: boolean;
  onChange: (list: string[]) => void;
}

/** Keeps what is typed, separators included, until the list changes elsewhere. */
function ListField({ label, help, list, isReadOnly, onChange }: ListFieldProps) {
  const [typed, setTyped] = useState<string | null>(null);
  const isCurrent = typed !== null && listOf(typed).join() === list.join();
  return (
    <Textarea
      label={label}
      description={help}
      classNames={{ input: "mono" }}
      rows={3}
      spellCheck={false}
      readOnly={isReadOnly}
      value={isCurrent ? typed : list.join("\n")}
      onChange={(event) => {
        setTyped(event.currentTarget.value);
        onChange(listOf(event.currentTarget.value));
      }}
    />
  );
}

/** Counted by the server: the lists of this page have the first instances only. */
function Matched({ place, name, lines }: { place: Place; name: string; lines: RuleLine[] }) {
  const { t } = useTranslation();
  const [settled] = useDebouncedValue(lines, PAUSE_MS);
  const preview = useQuery({ ...grayPreview(place, name, ruleItems(settled)), placeholderData: keepPreviousData });
  const { matched = 0, compared = 0, total = 0 } = preview.data ?? {};
  const hasLabels = lines.some((line) => line.labels.length > 0);
  if (preview.error) return <Failure error={preview.error} />;
  return (
    <p className={classes.matched} role="status">
      <IconUsers size={18} stroke={1.8} aria-hidden />
      <span>
        {preview.data ? t("gray.audience.matches", { count: matched, total }) : t("state.loading")}{" "}
        {compared < total && <span className="note">{t("gray.audience.compared", { count: compared })}</span>}{" "}
        {hasLabels && <span className="note">{t("gray.audience.labelsUnknown")}</span>}
      </span>
    </p>
  );
}
