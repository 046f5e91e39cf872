// What to do with a new app: add a key, publish it, read it with a client. Shown until the first key
// is stored; reads no values.
import { Button } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { servedRelease } from "../api/history";
import { itemCount, namespaceNames } from "../api/queries";
import classes from "./FirstSteps.module.css";

const NAMESPACE = "application";

export function FirstSteps({ app, env, cluster }: { app: string; env: string; cluster: string }) {
  const { t } = useTranslation();
  const at = { app, env, cluster, ns: NAMESPACE };
  const names = useQuery(namespaceNames(app, env, cluster)).data;
  const items = useQuery(itemCount(at)).data;
  const served = useQuery(servedRelease(at)).data;
  if (names?.length !== 1 || items !== 0 || served?.length !== 0) return null;
  const client = `APOLLO_APP_ID=${app}\nAPOLLO_META=http://<${t("steps.metaServer", { env })}>:8080`;
  return (
    <section className="card stack" aria-labelledby="steps">
      <h2 id="steps">{t("steps.title")}</h2>
      <ol className={classes.steps}>
        <li>
          {t("steps.key", { env, name: NAMESPACE })}{" "}
          <Button
            size="compact-sm"
            variant="default"
            renderRoot={(props) => <Link {...props} to="/a/$app/c/$env/$cluster/$ns" params={at} />}
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
