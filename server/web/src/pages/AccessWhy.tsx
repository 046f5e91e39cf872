// Why a person has the rights of a cell of the access matrix, or lacks them.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { useBoot } from "../api/queries";
import { masters, roleName } from "../api/roles";
import { useRoot } from "../api/rights";
import { rootRight } from "../api/users";
import { Dialog } from "../components/Dialog";
import { PageLoading } from "../components/States";
import { reasonsFor, RIGHTS, type AccessColumn, type AnyRight, type Reason } from "../state/access";
import classes from "./Access.module.css";
import { scopeText } from "./accessScope";

export interface AskedCell {
  user: string;
  column: AccessColumn;
}

interface Props {
  app: string;
  columns: AccessColumn[];
  /** Those for whole clusters, which are no columns of a namespace. */
  clusters: AccessColumn[];
  cell: AskedCell;
  onClose: () => void;
}

export function AccessWhy({ app, columns, clusters, cell: { user, column }, onClose }: Props) {
  const { t } = useTranslation();
  const own = useBoot().user.userId;
  const isRoot = useRoot();
  // Only super administrators may ask whether others are.
  const mayAsk = user === own || isRoot === true;
  const root = useQuery({ ...rootRight(user), enabled: mayAsk });
  const admins = useQuery(masters(app)).data ?? [];
  const scope = scopeText(column.scope, t("access.allEnvs"), t("access.app"));
  return (
    <Dialog title={t("access.why.title", { name: user, scope })} size="lg" onClose={onClose}>
      <div className="stack">
        {isRoot === undefined || (mayAsk && root.isPending) ? (
          <PageLoading />
        ) : (
          RIGHTS[column.scope.kind].map((right) => (
            <Right
              key={right}
              right={right}
              reasons={reasonsFor(columns, clusters, column, right, user, root.data === true)}
            />
          ))
        )}
        {!mayAsk && <p className="note">{t("access.why.unknownRoot")}</p>}
        {column.scope.kind === "cluster" && <p className="note">{t("access.why.ofNamespaces")}</p>}
        <p className="note">
          {t("access.why.changedBy", { names: admins.map(({ name, userId }) => name ?? userId).join(", ") })}
        </p>
      </div>
    </Dialog>
  );
}

function Right({ right, reasons }: { right: AnyRight; reasons: Reason[] }) {
  const { t } = useTranslation();
  const name = t(`access.right.${right}`);
  const isWhole = reasons.some((reason) => reason.kind === "root" || !reason.isPart);
  const verdict = isWhole ? "whole" : reasons.length > 0 ? "part" : "none";
  return (
    <section className="stack tight" aria-label={name}>
      <h3 className={classes.verdict}>{t(`access.why.${verdict}`, { right: name })}</h3>
      {reasons.length > 0 && (
        <ul className="lines">
          {reasons.map((reason) => (
            <li key={JSON.stringify(reason)}>
              <ReasonText reason={reason} right={right} />
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}

function ReasonText({ reason, right }: { reason: Reason; right: AnyRight }) {
  const { t } = useTranslation();
  if (reason.kind === "root") return <>{t("access.why.root")}</>;
  const { scope } = reason;
  // `ns` is a word of i18next.
  const { ns: name, ...place } = { ns: "", ...scope };
  return (
    <>
      {t(`access.why.by.${scope.kind}`, { name, ...place })} <code className="wrap">{roleName(scope, right)}</code>
    </>
  );
}
