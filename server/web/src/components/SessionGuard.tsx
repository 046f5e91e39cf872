// Shows the sign-in over the page when a call finds that the session has ended.
import { lazy, Suspense, useEffect, useState } from "react";

import { onSessionEnd } from "../state/signOut";

const SignInAgain = lazy(async () => ({ default: (await import("./SignInAgain")).SignInAgain }));

type Answer = (result: "again" | "leave") => void;

export function SessionGuard() {
  const [answer, setAnswer] = useState<Answer | null>(null);
  useEffect(
    () =>
      onSessionEnd(
        () =>
          new Promise((resolve) => {
            const close: Answer = (result) => {
              setAnswer(null);
              resolve(result);
            };
            setAnswer(() => close);
          }),
      ),
    [],
  );
  return <Suspense>{answer && <SignInAgain answer={answer} />}</Suspense>;
}
