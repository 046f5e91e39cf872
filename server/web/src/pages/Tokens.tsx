// The user's own access tokens: list, creation with a limited scope, rotation.
import { Button } from "@mantine/core";
import { IconPlus } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import type { OpenUserTokenSummary } from "../api/schema";
import { ownTokens, rotateToken, STALE_TOKENS } from "../api/tokens";
import { Confirm } from "../components/Confirm";
import { Dialog } from "../components/Dialog";
import { Main } from "../components/Main";
import { ShownOnce } from "../components/ShownOnce";
import { Empty, Loaded } from "../components/States";
import { TokenTable } from "../components/TokenTable";
import { curl } from "../text/command";
import { NewToken } from "./NewToken";

export function Tokens() {
  const { t } = useTranslation();
  const tokens = useQuery(ownTokens);
  const [isNew, setIsNew] = useState(false);
  const [rotated, setRotated] = useState<OpenUserTokenSummary | null>(null);
  const [made, setMade] = useState<OpenUserTokenSummary | null>(null);
  const onMade = (token: OpenUserTokenSummary | null) => {
    setIsNew(false);
    setRotated(null);
    setMade(token);
  };
  return (
    <Main title={t("token.title")}>
      <div className="row">
        <h1>{t("token.title")}</h1>
        <Button className="push" leftSection={<IconPlus size={16} />} onClick={() => setIsNew(true)}>
          {t("token.new")}
        </Button>
      </div>
      <p className="note">{t("token.help")}</p>
      <Loaded query={tokens}>
        {(list) =>
          list.length > 0 ? <TokenTable tokens={list} onRotate={setRotated} /> : <Empty title={t("token.none")} />
        }
      </Loaded>
      {isNew && <NewToken onMade={onMade} onClose={() => setIsNew(false)} />}
      {rotated && <Rotate token={rotated} onMade={onMade} onClose={() => setRotated(null)} />}
      {made?.tokenValue && (
        <Dialog size="lg" title={made.name ?? ""} onClose={() => setMade(null)}>
          <div className="stack">
            <ShownOnce
              label={t("token.value")}
              secret={made.tokenValue}
              command={curl("apps", `Bearer ${made.tokenValue}`)}
            />
            <div className="row end">
              <Button onClick={() => setMade(null)}>{t("secret.stored")}</Button>
            </div>
          </div>
        </Dialog>
      )}
    </Main>
  );
}

interface RotateProps {
  token: OpenUserTokenSummary;
  onMade: (token: OpenUserTokenSummary | null) => void;
  onClose: () => void;
}

function Rotate({ token: { id = 0, name = "" }, onMade, onClose }: RotateProps) {
  const { t } = useTranslation();
  const write = useAction(() => rotateToken(id), STALE_TOKENS, onMade);
  return (
    <Confirm
      title={t("token.rotate", { name })}
      action={t("token.rotateAct")}
      write={write}
      onConfirm={() => write.mutate(undefined)}
      onClose={onClose}
    >
      <p>{t("token.rotateText")}</p>
    </Confirm>
  );
}
