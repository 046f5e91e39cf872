// Choice of environments and clusters, as a tree of checkboxes; unreachable environments cannot be
// chosen.

import type { OpenEnvClusterDTO } from "../api/bodies";
import { EnvName } from "./EnvSwitch";
import { StateChip } from "./StateChip";
import classes from "./TargetTree.module.css";

export interface Target {
  env: string;
  cluster: string;
}

interface Props {
  legend: string;
  places: OpenEnvClusterDTO[];
  chosen: Target[];
  onChange: (chosen: Target[]) => void;
  /** Targets that are shown, but cannot be chosen. */
  isFixed?: (target: Target) => boolean;
}

export function isSameTarget(a: Target, b: Target): boolean {
  return a.env === b.env && a.cluster === b.cluster;
}

export function TargetTree({ legend, places, chosen, onChange, isFixed = () => false }: Props) {
  const isChosen = (target: Target) => chosen.some((other) => isSameTarget(other, target));
  const choose = (targets: Target[], on: boolean) => {
    const others = chosen.filter((other) => !targets.some((target) => isSameTarget(other, target)));
    onChange(on ? [...others, ...targets] : others);
  };
  return (
    <fieldset className={classes.tree}>
      <legend>{legend}</legend>
      {places.map(({ env, clusters = [] }) => {
        const targets = clusters.map((cluster) => ({ env, cluster }));
        const free = targets.filter((target) => !isFixed(target));
        const count = free.filter(isChosen).length;
        return (
          <div key={env} className={classes.env}>
            <label>
              <input
                type="checkbox"
                checked={count > 0 && count === free.length}
                ref={(box) => {
                  if (box) box.indeterminate = count > 0 && count < free.length;
                }}
                disabled={free.length === 0}
                onChange={(event) => choose(free, event.currentTarget.checked)}
              />
              <EnvName env={env} />
              {clusters.length === 0 && <StateChip state="offline" />}
            </label>
            {targets.length > 0 && (
              <ul>
                {targets.map((target) => (
                  <li key={target.cluster}>
                    <label>
                      <input
                        type="checkbox"
                        aria-label={`${env} / ${target.cluster}`}
                        checked={isChosen(target)}
                        disabled={isFixed(target)}
                        onChange={(event) => choose([target], event.currentTarget.checked)}
                      />
                      {target.cluster}
                    </label>
                  </li>
                ))}
              </ul>
            )}
          </div>
        );
      })}
    </fieldset>
  );
}
