// The search of the audit log as the server reads it. Pure.

export interface AuditFilter {
  /** Part of the name, of the type or of the operator. */
  q: string;
  app: string;
  user: string;
  /** Local times, as an input of the browser writes them; empty for no bound. */
  from: string;
  to: string;
}

export function auditQuery({ q, app, user, from, to }: AuditFilter): string {
  const query = { query: q, appId: app, operator: user, startDate: instant(from), endDate: instant(to) };
  return new URLSearchParams(query).toString();
}

function instant(local: string): string {
  const time = new Date(local);
  return Number.isNaN(time.getTime()) ? "" : time.toISOString();
}
