// Head of the comparison: which namespaces, baseline, places and values are compared.
import { Button, NativeSelect, Popover, SegmentedControl, TextInput } from "@mantine/core";
import { useMediaQuery } from "@mantine/hooks";
import { IconArrowRight, IconChevronDown, IconFilter } from "@tabler/icons-react";
import { useRef } from "react";
import { useTranslation } from "react-i18next";

import type { OpenEnvClusterDTO } from "../api/bodies";
import { isSameTarget, TargetTree, type Target } from "../components/TargetTree";
import { useTyped } from "../components/useTyped";
import type { Side } from "../state/compare";
import { useShortcuts } from "../state/keys";
import classes from "./Compare.module.css";

export interface CompareSearch {
  base?: string | undefined;
  with?: string | undefined;
  ns?: string | undefined;
  side?: Side | undefined;
  show?: "all" | undefined;
  f?: string | undefined;
  /** Cells that a link selects. */
  sel?: string | undefined;
}

interface Props {
  places: OpenEnvClusterDTO[];
  base: Target;
  against: Target[];
  namespaces: string[];
  search: CompareSearch;
  onChange: (change: CompareSearch) => void;
  /** Keys that differ, of all keys. */
  counts: [number, number];
}

export function CompareToolbar({ places, base, against, namespaces, search, onChange, counts }: Props) {
  const { t } = useTranslation();
  const filter = useRef<HTMLInputElement>(null);
  useShortcuts({ "/": () => filter.current?.focus() });
  const side = search.side ?? "live";
  return (
    <>
      <div className="row">
        <h1>{t("compare.title")}</h1>
        <span className="note">{t(`compare.about.${side}`)}</span>
        <SegmentedControl
          className="push"
          aria-label={t("compare.side")}
          value={side}
          onChange={(value) => onChange({ side: value === "draft" ? "draft" : undefined })}
          data={[
            { value: "live", label: t("compare.live") },
            { value: "draft", label: t("compare.draft") },
          ]}
        />
      </div>
      <div className={classes.toolbar}>
        <NativeSelect
          aria-label={t("compare.namespaces")}
          className={classes.namespaces}
          value={search.ns ?? ""}
          data={[{ value: "", label: t("compare.allNamespaces") }, ...namespaces]}
          onChange={(event) => onChange({ ns: event.currentTarget.value || undefined })}
        />
        <Sides places={places} base={base} against={against} onChange={onChange} />
        <TextInput
          ref={filter}
          className={classes.filter}
          aria-label={t("compare.filter")}
          placeholder={t("compare.filter")}
          leftSection={<IconFilter size={16} stroke={1.8} />}
          rightSection={<kbd>/</kbd>}
          {...useTyped(search.f ?? "", (text) => onChange({ f: text || undefined }))}
        />
        <span className="note" role="status">
          {t("compare.counts", { count: counts[0], total: counts[1] })}
        </span>
        <SegmentedControl
          aria-label={t("compare.show")}
          value={search.show ?? "diff"}
          onChange={(value) => onChange({ show: value === "all" ? "all" : undefined })}
          data={[
            { value: "diff", label: t("compare.different") },
            { value: "all", label: t("compare.all") },
          ]}
        />
      </div>
    </>
  );
}

function Sides({ places, base, against, onChange }: Pick<Props, "places" | "base" | "against" | "onChange">) {
  const { t } = useTranslation();
  const isNarrow = useMediaQuery("(max-width: 767px)", false, { getInitialValueInEffect: false });
  const all = places.flatMap(({ env, clusters }) => (clusters ?? []).map((cluster) => ({ env, cluster })));
  const options = all.map((target) => ({ value: write(target), label: label(target) }));
  const setBase = (value: string) => onChange({ base: value, with: rebased(value) });
  // The former baseline takes the position of the new one.
  const rebased = (value: string) => search(against.map((target) => (write(target) === value ? base : target)));
  const baseline = (
    <NativeSelect
      leftSection={isNarrow ? undefined : <span className="note">{t("compare.baseline")}</span>}
      leftSectionWidth={72}
      aria-label={t("compare.baseline")}
      value={write(base)}
      data={options}
      onChange={(event) => setBase(event.currentTarget.value)}
    />
  );
  if (isNarrow) {
    return (
      <div className={classes.sides}>
        {baseline}
        <IconArrowRight size={16} aria-hidden />
        <NativeSelect
          aria-label={t("compare.against")}
          value={against[0] ? write(against[0]) : ""}
          data={options.filter(({ value }) => value !== write(base))}
          onChange={(event) => onChange({ with: event.currentTarget.value })}
        />
      </div>
    );
  }
  return (
    <>
      {baseline}
      <Popover position="bottom-start" width={340} trapFocus returnFocus>
        <Popover.Target>
          <Button variant="default" rightSection={<IconChevronDown size={14} />}>
            <span className="note">{t("compare.against")}</span>
            <span className={classes.against}>{against.map(short(base)).join(", ")}</span>
          </Button>
        </Popover.Target>
        <Popover.Dropdown className={classes.popover}>
          <TargetTree
            legend={t("compare.against")}
            places={places}
            chosen={against}
            isFixed={(target) => isSameTarget(target, base)}
            onChange={(chosen) => onChange({ with: search(chosen) })}
          />
        </Popover.Dropdown>
      </Popover>
    </>
  );
}

/** Without the cluster if it is that of the baseline. */
export const short = (base: Target) => (target: Target) =>
  target.cluster === base.cluster && target.env !== base.env ? target.env : label(target);

export function label({ env, cluster }: Target): string {
  return `${env} / ${cluster}`;
}

function write({ env, cluster }: Target): string {
  return `${env}:${cluster}`;
}

function search(targets: Target[]): string {
  return targets.map(write).join(",");
}
