// The sign-in over an open page whose session has ended: the page and unsaved edits stay, and the
// failed calls are repeated afterwards. Another user gets a new page, without the data of the first.
import { Button, Modal } from "@mantine/core";
import { useQueryClient } from "@tanstack/react-query";
import { useRouter } from "@tanstack/react-router";
import { useEffect } from "react";
import { useTranslation } from "react-i18next";

import { sessionUser } from "../api/client";
import { useBoot } from "../api/queries";
import { SignInForm } from "./SignInForm";

interface Props {
  answer: (result: "again" | "leave") => void;
}

export function SignInAgain({ answer }: Props) {
  const { t } = useTranslation();
  const { user } = useBoot();
  const cache = useQueryClient();
  const router = useRouter();
  const goOn = async () => {
    const now = await sessionUser();
    if (now === null) return "expired";
    // For another user, the page is loaded again.
    if (now === user.userId) answer("again");
    return null;
  };
  useEffect(() => {
    // The identity provider's page is in another tab. The next time may succeed.
    const check = () => void goOn().catch(() => undefined);
    window.addEventListener("focus", check);
    return () => window.removeEventListener("focus", check);
  });
  const leave = () => {
    const next = router.state.location.href;
    answer("leave");
    cache.clear();
    void router.navigate({ to: "/signin", search: { next, reason: "expired" } });
  };
  return (
    <Modal
      opened
      title={t("signIn.again")}
      onClose={leave}
      withCloseButton={false}
      closeOnClickOutside={false}
      closeOnEscape={false}
    >
      <div className="stack">
        <p className="note">{t("signIn.keeps")}</p>
        <SignInForm first={null} next="/" user={user.userId} keepsPage onSignedIn={goOn} />
        <Button variant="subtle" onClick={leave}>
          {t("signIn.leave")}
        </Button>
      </div>
    </Modal>
  );
}
