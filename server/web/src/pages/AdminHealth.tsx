// The environments with their services, and the health that each service reports.
import { Button } from "@mantine/core";
import { IconAlertTriangleFilled, IconRefresh } from "@tabler/icons-react";
import { usePrefetchQuery, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { eurekaRegistry, serviceHealth, systemInfo } from "../api/admin";
import type { EnvironmentInfo, ServiceInstance } from "../api/schema";
import { DataTable } from "../components/DataTable";
import { EnvName } from "../components/EnvSwitch";
import { Main } from "../components/Main";
import { StateChip } from "../components/StateChip";
import { Loaded } from "../components/States";
import { AdminEureka } from "./AdminEureka";

export function AdminHealth() {
  const { t } = useTranslation();
  const client = useQueryClient();
  const info = useQuery(systemInfo);
  // Read at the same time.
  usePrefetchQuery(eurekaRegistry);
  return (
    <Main title={t("admin.section.health")}>
      <div className="row">
        <h1>{t("admin.section.health")}</h1>
        {info.data && <span className="badge">{info.data.version}</span>}
        <Button
          className="push"
          variant="default"
          leftSection={<IconRefresh size={16} />}
          loading={info.isFetching}
          onClick={() => void client.invalidateQueries({ queryKey: ["health"] })}
        >
          {t("health.check")}
        </Button>
      </div>
      <Loaded query={info}>
        {(found) => (
          <>
            {(found?.environments ?? []).map((environment) => (
              <Environment key={environment.env} environment={environment} />
            ))}
            <AdminEureka />
          </>
        )}
      </Loaded>
    </Main>
  );
}

function Environment({ environment }: { environment: EnvironmentInfo }) {
  const { t } = useTranslation();
  const { env = "", active, errorMessage, metaServerAddress } = environment;
  const services = [
    ...(environment.configServices ?? []).map((service) => ({ service, role: "config" as const })),
    ...(environment.adminServices ?? []).map((service) => ({ service, role: "admin" as const })),
  ];
  return (
    <section className="stack" aria-label={env}>
      <div className="row">
        <h2>
          <EnvName env={env} />
        </h2>
        {active ? (
          <span className="chip" data-state="live">
            {t("health.up")}
          </span>
        ) : (
          <StateChip state="offline" />
        )}
        {metaServerAddress && <span className="note mono">{metaServerAddress}</span>}
      </div>
      {errorMessage && (
        <p className="caution">
          <IconAlertTriangleFilled size={18} aria-hidden /> <span className="wrap">{errorMessage}</span>
        </p>
      )}
      {services.length > 0 && (
        <DataTable
          label={t("health.services", { env })}
          rows={services}
          rowKey={({ service, role }) => `${role} ${service.instanceId}`}
          columns={[
            { name: t("health.role"), cell: ({ role }) => t(`health.${role}`) },
            { name: t("health.address"), cell: ({ service }) => <span className="mono">{service.homepageUrl}</span> },
            { name: t("item.state"), cell: ({ service }) => <Health service={service} /> },
          ]}
        />
      )}
    </section>
  );
}

function Health({ service }: { service: ServiceInstance }) {
  const { t } = useTranslation();
  const health = useQuery(serviceHealth(service.instanceId ?? ""));
  if (health.isPending) return <span className="note">{t("state.loading")}</span>;
  const code = health.data?.status?.code;
  const isUp = code === "UP";
  return (
    <span className="chip" data-state={isUp ? "live" : "late"}>
      {isUp ? t("health.up") : (code ?? t("health.noAnswer"))}
    </span>
  );
}
