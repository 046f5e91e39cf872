// Calls on each of the last days: bars, and the same numbers as a table.
import { useTranslation } from "react-i18next";

import type { CallsOfDay } from "../api/schema";
import classes from "./CallChart.module.css";

const [HEIGHT, WIDTH, GAP] = [96, 12, 4];

export function CallChart({ days }: { days: CallsOfDay[] }) {
  const { t, i18n } = useTranslation();
  const most = Math.max(1, ...days.map(({ calls = 0 }) => calls));
  const total = days.reduce((sum, { calls = 0 }) => sum + calls, 0);
  const number = new Intl.NumberFormat(i18n.language);
  const used = days.filter(({ calls = 0 }) => calls > 0);
  return (
    <div className="stack">
      <p>
        {t("calls.total", { count: total, number: number.format(total), days: days.length })}.{" "}
        <span className="note">{t("calls.about")}</span>
      </p>
      <svg
        className={classes.chart}
        viewBox={`0 0 ${String(days.length * (WIDTH + GAP))} ${String(HEIGHT)}`}
        preserveAspectRatio="none"
        aria-hidden
      >
        {days.map(({ day = "", calls = 0 }, index) => {
          const height = calls > 0 ? Math.max(2, (calls / most) * HEIGHT) : 1;
          return (
            <rect key={day} x={index * (WIDTH + GAP)} y={HEIGHT - height} width={WIDTH} height={height}>
              <title>{`${day}: ${number.format(calls)}`}</title>
            </rect>
          );
        })}
      </svg>
      <p className={`note ${classes.ends}`} aria-hidden>
        <span>{days[0]?.day}</span> <span>{days.at(-1)?.day}</span>
      </p>
      {used.length > 0 && (
        <details>
          <summary>{t("calls.byDay")}</summary>
          <table className={classes.table}>
            <thead>
              <tr>
                <th scope="col">{t("calls.day")}</th>
                <th scope="col">{t("calls.calls")}</th>
              </tr>
            </thead>
            <tbody>
              {used.toReversed().map(({ day, calls = 0 }) => (
                <tr key={day}>
                  <td>{day}</td>
                  <td>{number.format(calls)}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </details>
      )}
    </div>
  );
}
