// Sign-in by name and password, or at an identity provider. Afterwards the page is reloaded at the
// requested address, so that no data of another user remains in memory.
import { getRouteApi } from "@tanstack/react-router";
import { useTranslation } from "react-i18next";

import { prefix } from "../api/client";
import { DisplaySwitches } from "../components/DisplaySwitches";
import { Logo } from "../components/Logo";
import { SignInForm } from "../components/SignInForm";
import { signInNotice, wantedAddress } from "../state/signIn";
import classes from "./SignIn.module.css";

const route = getRouteApi("/signin");

export function SignIn() {
  const { t } = useTranslation();
  const { next, reason } = route.useSearch();
  const target = wantedAddress(next, prefix, window.location.origin);
  return (
    <main className={classes.page} id="main">
      <title>{`${t("signIn.title")} - ${t("shell.product")}`}</title>
      <p className={classes.brand}>
        <Logo size={32} /> {t("shell.product")}
      </p>
      <div className={classes.card}>
        <h1>{t("signIn.title")}</h1>
        <SignInForm
          first={signInNotice(window.location.hash, reason)}
          next={next}
          onSignedIn={() => {
            window.location.assign(target);
            return null;
          }}
        />
      </div>
      {target !== `${prefix}/` && <p className="note">{t("signIn.return", { target: readable(target) })}</p>}
      <div className="row">
        <DisplaySwitches />
      </div>
    </main>
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
