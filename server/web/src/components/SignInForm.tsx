// The ways to sign in: a form for name and password, a link to the identity provider, or both; or a link to a page
// that is opened through the proxy that has identified the user.
import { Button, PasswordInput, TextInput } from "@mantine/core";
import { useMutation } from "@tanstack/react-query";
import { useEffect, useRef, useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { prefix, signIn } from "../api/client";
import { isRefusal, ownSignInWays, singleSignOnAddress, type Notice } from "../state/signIn";
import classes from "./SignInForm.module.css";
import { Failure } from "./States";

const ways = ownSignInWays();

interface Props {
  /** Why the form is shown; replaced by the reason of a refusal. */
  first: Notice | null;
  /** Where single sign-on leads to. */
  next: string | undefined;
  /** The name that was signed in before. */
  user?: string | undefined;
  /** Whether single sign-on opens in another tab, so that this page is kept. */
  keepsPage?: boolean;
  /** Returns why the user has to sign in once more. */
  onSignedIn: () => Notice | null | Promise<Notice | null>;
}

export function SignInForm({ first, next, user = "", keepsPage = false, onSignedIn }: Props) {
  const { t } = useTranslation();
  const [notice, setNotice] = useState(first);
  const [name, setName] = useState(user);
  const [password, setPassword] = useState("");
  const form = useMutation({
    mutationFn: async () => (await signIn(name, password)) ?? (await onSignedIn()),
    onMutate: () => setNotice(null),
    onSuccess: setNotice,
  });
  const submit = (event: SyntheticEvent) => {
    event.preventDefault();
    form.mutate();
  };
  const single = singleSignOnAddress(ways, next, prefix, window.location.origin);
  return (
    <form className={classes.form} onSubmit={submit}>
      {notice && <NoticeText notice={notice} />}
      {form.error && <Failure error={form.error} />}
      {single !== null && (
        <Button component="a" size="md" href={single} {...(keepsPage && { target: "_blank" })}>
          {t("signIn.provider")}
        </Button>
      )}
      {single === null && !ways.form && <p className="note">{t("signIn.elsewhere")}</p>}
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
            autoFocus={user === ""}
            data-autofocus={user === "" || undefined}
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
            data-autofocus={user !== "" || undefined}
          />
          <Button
            type="submit"
            size="md"
            variant={single === null ? "filled" : "default"}
            loading={form.isPending || form.data === null}
          >
            {t("signIn.title")}
          </Button>
        </>
      )}
    </form>
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
