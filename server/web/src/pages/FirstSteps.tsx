// What to do with a new app: add a key, publish it, read it with a client. Shown until the first key
// is stored.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { namespaceList } from "../api/queries";
import classes from "./FirstSteps.module.css";

const NAMESPACE = "application";

export function FirstSteps({ app, env, cluster }: { app: string; env: string; cluster: string }) {
  const { t } = useTranslation();
  const list = useQuery(namespaceList(app, env, cluster)).data;
  if (list?.length !== 1 || list[0]?.items?.length !== 0) return null;
  const client = `APOLLO_APP_ID=${app}\nAPOLLO_META=http://<meta server of ${env}>:8080`;
  return (
    <section className="card stack" aria-labelledby="steps">
      <h2 id="steps">{t("steps.title")}</h2>
      <ol className={classes.steps}>
        <li>
          {t("steps.key", { env, name: NAMESPACE })}{" "}
          <Button
            size="compact-sm"
            variant="default"
            renderRoot={(props) => (
              <Link {...props} to="/a/$app/c/$env/$cluster/$ns" params={{ app, env, cluster, ns: NAMESPACE }} />
            )}
          >
            {t("steps.open")}
          </Button>
        </li>
        <li>{t("steps.publish")}</li>
        <li>
          {t("steps.client")}
          <pre className="wrap">{client}</pre>
        </li>
      </ol>
    </section>
  );
}
