// Sign-in by name and password, or at an identity provider. Afterwards the page is reloaded at the
// requested address, so that no data of another user remains in memory.
import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useEffect, useRef, useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { prefix, signIn } from "../api/client";
import { DisplaySwitches } from "../parts/DisplaySwitches";
import { Logo } from "../parts/Logo";
import { Failure } from "../parts/States";
import { isRefusal, providerAddress, signInNotice, signInWays, wantedAddress, type Notice } from "../state/signIn";
import classes from "./SignIn.module.css";

const route = getRouteApi("/signin");
const ways = signInWays(document.querySelector<HTMLMetaElement>("meta[name=sign-in]")?.dataset);

export function SignIn() {
  const { t } = useTranslation();
  const { next, reason } = route.useSearch();
  const [notice, setNotice] = useState<Notice | null>(() => signInNotice(window.location.hash, reason));
  const target = wantedAddress(next, prefix, window.location.origin);
  const [name, setName] = useState("");
  const [password, setPassword] = useState("");
  const form = useMutation({
    mutationFn: () => signIn(name, password),
    onMutate: () => setNotice(null),
    onSuccess: (refusal) => {
      if (refusal === null) window.location.assign(target);
      else setNotice(refusal);
    },
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    form.mutate();
  };
  return (
    <main className={classes.page} id="main">
      <title>{`${t("signIn.title")} - ${t("shell.product")}`}</title>
      <p className={classes.brand}>
        <Logo size={32} /> {t("shell.product")}
      </p>
      <form className={classes.card} onSubmit={submit}>
        <h1>{t("signIn.title")}</h1>
        {notice && <NoticeText notice={notice} />}
        {form.error && <Failure error={form.error} />}
        {ways.provider !== null && (
          <Button component="a" size="md" href={providerAddress(ways.provider, next, prefix)}>
            {t("signIn.provider")}
          </Button>
        )}
        {ways.form && (
          <>
            <TextInput
              name="username"
              value={name}
              onChange={(event) => setName(event.currentTarget.value)}
              label={t("signIn.user")}
              autoComplete="username"
              required
              withAsterisk={false}
              autoFocus
            />
            <PasswordInput
              name="password"
              value={password}
              onChange={(event) => setPassword(event.currentTarget.value)}
              label={t("signIn.password")}
              autoComplete="current-password"
              visibilityToggleButtonProps={{ "aria-label": t("signIn.reveal") }}
              required
              withAsterisk={false}
            />
            <Button
              type="submit"
              size="md"
              variant={ways.provider === null ? "filled" : "default"}
              loading={form.isPending || form.data === null}
            >
              {t("signIn.title")}
            </Button>
          </>
        )}
      </form>
      {target !== `${prefix}/` && <p className="note">{t("signIn.return", { target: readable(target) })}</p>}
      <div className="row">
        <DisplaySwitches />
      </div>
    </main>
  );
}

function NoticeText({ notice }: { notice: Notice }) {
  const { t } = useTranslation();
  const text = useRef<HTMLParagraphElement>(null);
  useEffect(() => {
    if (isRefusal(notice)) text.current?.focus();
  }, [notice]);
  return (
    <p
      ref={text}
      tabIndex={-1}
      role={isRefusal(notice) ? "alert" : "status"}
      className={classes.notice}
      data-notice={notice}
    >
      {t(`signIn.${notice}`)}
    </p>
  );
}

/** The path within the portal, without the characters that only the router needs. */
function readable(target: string): string {
  const [path = ""] = target.slice(prefix.length).split("?");
  return decodeURIComponent(path)
    .split("/")
    .filter((part) => part.length > 1)
    .join(" / ");
}
