// Filter of the audit log by app and time, which the server's search does not have. Pure.
import type { AuditLog } from "../api/schema";
import { parseTime } from "./format";

export interface AuditFilter {
  app: string;
  /** Local times, as an input of the browser writes them; empty for no bound. */
  from: string;
  to: string;
}

/** The description of a record ends with the path of its request, which names the app. */
export function matchesAudit(log: AuditLog, { app, from, to }: AuditFilter): boolean {
  const time = parseTime(log.happenedTime)?.getTime() ?? 0;
  if (from !== "" && time < new Date(from).getTime()) return false;
  if (to !== "" && time > new Date(to).getTime()) return false;
  return app === "" || pathSegments(log.description ?? "").includes(app);
}

function pathSegments(description: string): string[] {
  const path = description.slice(description.lastIndexOf(" ") + 1);
  return path.split("/").map((segment) => {
    try {
      return decodeURIComponent(segment);
    } catch {
      return segment;
    }
  });
}
