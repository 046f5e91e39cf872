// What a third-party app may do, with a button to take each part of it back.
import { IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { consumerRoles, revokeFromConsumer } from "../api/admin";
import { DataTable } from "../components/DataTable";
import { Failure, Loaded } from "../components/States";

/** The right of a role, and where it applies: an app, maybe a namespace and an environment. */
function parts(role: string) {
  const [right = "", ...place] = role.split("+");
  return { right, place: place.filter((part) => part !== "SystemRole").join(" / ") };
}

export function ConsumerRoles({ appId }: { appId: string }) {
  const { t } = useTranslation();
  const query = consumerRoles(appId);
  const found = useQuery(query);
  const write = useAction((role: string) => revokeFromConsumer(appId, role), [query.queryKey, ["consumers"]]);
  return (
    <section className="stack" aria-label={t("consumer.present")}>
      <b>{t("consumer.present")}</b>
      <Loaded query={found}>
        {(roles) =>
          roles.length === 0 ? (
            <p className="note">{t("consumer.noRoles")}</p>
          ) : (
            <DataTable
              label={t("consumer.present")}
              rows={roles.map((name) => ({ name, ...parts(name) }))}
              rowKey={({ name }) => name}
              columns={[
                {
                  name: t("consumer.role"),
                  cell: ({ right }) => t(`consumer.roles.${right}` as "consumer.role", right),
                },
                { name: t("consumer.place"), cell: ({ place }) => <span className="mono">{place}</span> },
              ]}
              actions={({ name }) => [
                {
                  label: t("consumer.revoke", { role: name }),
                  icon: IconTrash,
                  why: write.isPending && t("why.sending"),
                  onClick: () => write.mutate(name),
                },
              ]}
            />
          )
        }
      </Loaded>
      {write.error && <Failure error={write.error} />}
    </section>
  );
}
