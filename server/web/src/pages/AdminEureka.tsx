// The instances and peers of the Eureka registry of this node, if it hosts one.
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { eurekaRegistry } from "../api/admin";
import type { EurekaInstance } from "../api/schema";
import { DataTable } from "../components/DataTable";
import { Since } from "../components/Since";
import { Loaded } from "../components/States";

export function AdminEureka() {
  const { t } = useTranslation();
  const registry = useQuery(eurekaRegistry);
  return (
    <Loaded query={registry}>
      {(found) => {
        const { hosted, open, preserving, total = 0, instances = [], peers = [] } = found ?? {};
        if (!hosted) return null;
        return (
          <section className="stack" aria-label={t("eureka.title")}>
            <div className="row">
              <h2>{t("eureka.title")}</h2>
              <span className="note">{t("eureka.instances", { count: total })}</span>
            </div>
            {open && <p className="caution">{t("eureka.open")}</p>}
            {preserving && <p className="caution">{t("eureka.preserving")}</p>}
            <DataTable
              label={t("eureka.registry")}
              rows={instances}
              rowKey={({ app, instanceId }) => `${app} ${instanceId}`}
              columns={[
                { name: t("eureka.app"), cell: ({ app }) => app },
                { name: t("eureka.instance"), cell: ({ instanceId }) => <span className="mono">{instanceId}</span> },
                { name: t("health.address"), cell: ({ homePageUrl }) => <span className="mono">{homePageUrl}</span> },
                { name: t("item.state"), cell: (instance) => <State instance={instance} /> },
                { name: t("eureka.heartbeat"), cell: ({ lastHeartbeatTime }) => <Since time={lastHeartbeatTime} /> },
              ]}
            />
            {total > instances.length && <p className="note">{t("eureka.first", { count: instances.length })}</p>}
            {peers.length > 0 && (
              <DataTable
                label={t("eureka.peers")}
                rows={peers}
                rowKey={({ serviceUrl = "" }) => serviceUrl}
                columns={[
                  { name: t("eureka.peer"), cell: ({ serviceUrl }) => <span className="mono">{serviceUrl}</span> },
                  { name: t("eureka.waiting"), cell: ({ waiting }) => waiting },
                  { name: t("eureka.problem"), cell: ({ problem }) => <span className="wrap">{problem ?? "–"}</span> },
                ]}
              />
            )}
          </section>
        );
      }}
    </Loaded>
  );
}

function State({ instance: { status, overriddenStatus } }: { instance: EurekaInstance }) {
  const { t } = useTranslation();
  return (
    <span className="chip" data-state={status === "UP" ? "live" : "late"}>
      {status}
      {overriddenStatus && ` (${t("eureka.overridden")})`}
    </span>
  );
}
