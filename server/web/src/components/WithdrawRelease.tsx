// Withdraws the only release of a namespace in a cluster, after stating what its clients receive then.
import { Button } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { Place } from "../api/queries";
import { useRight } from "../api/rights";
import { afterWithdrawal, type Afterwards } from "../api/withdrawal";
import { withdrawRelease } from "../api/writes";
import { ConfirmName } from "./ConfirmName";
import { Dialog } from "./Dialog";
import { Loaded } from "./States";

interface Props {
  place: Place;
  release: { id: number; name: string };
  size?: "compact-sm" | "sm";
}

export function WithdrawRelease({ place, release, size = "sm" }: Props) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState(false);
  if (!useRight(place, "publish")) return null;
  return (
    <>
      <Button
        variant="default"
        size={size}
        leftSection={<IconArrowBackUp size={16} stroke={1.8} />}
        onClick={() => setAsking(true)}
      >
        {t("withdraw.start")}
      </Button>
      {asking && <Ask place={place} release={release} onClose={() => setAsking(false)} />}
    </>
  );
}

function Ask({ place, release, onClose }: Omit<Props, "size"> & { onClose: () => void }) {
  const { t } = useTranslation();
  const { app, env, cluster, ns } = place;
  const afterwards = useQuery(afterWithdrawal(place));
  const write = useAction(
    () => withdrawRelease(env, release.id),
    [
      ["list", app, env, cluster],
      ["draft", app, env, cluster, ns],
      ["history", app, env, cluster, ns],
    ],
    onClose,
  );
  const title = t("withdraw.title", { name: release.name });
  if (!afterwards.data || afterwards.data.hasGray) {
    return (
      <Dialog title={title} onClose={onClose}>
        <Loaded query={afterwards}>
          {() => (
            <div className="stack">
              <p>{t("withdraw.gray")}</p>
              <Link to="/a/$app/c/$env/$cluster/$ns/gray" params={place} search={{}}>
                {t("gray.tab")}
              </Link>
            </div>
          )}
        </Loaded>
      </Dialog>
    );
  }
  return (
    <ConfirmName
      title={title}
      action={t("withdraw.act")}
      name={ns}
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <Effect place={place} afterwards={afterwards.data} />
    </ConfirmName>
  );
}

function Effect({ place: { env, cluster }, afterwards }: { place: Place; afterwards: Afterwards }) {
  const { t } = useTranslation();
  const { inherited, publicApp: app } = afterwards;
  return (
    <>
      {inherited ? (
        <p>{t("withdraw.inherited", { env, cluster, name: inherited.name })}</p>
      ) : (
        !app && <p>{t("withdraw.nothing", { env, cluster })}</p>
      )}
      {app && <p>{t(inherited ? "withdraw.publicToo" : "withdraw.public", { env, cluster, app })}</p>}
      <p className="note">{t("withdraw.items")}</p>
    </>
  );
}
