// The keyboard shortcuts, by the screen on which they work.
import { useTranslation } from "react-i18next";

import { Dialog } from "./Dialog";
import classes from "./ShortcutList.module.css";

const SHORTCUTS = {
  everywhere: [
    ["Ctrl K", "palette"],
    ["?", "list"],
    ["g h", "home"],
    ["g a", "browse"],
    ["/", "filter"],
    ["Esc", "close"],
  ],
  home: [
    ["n", "newApp"],
    ["p", "pin"],
  ],
  app: [
    ["Shift E", "environment"],
    ["1 – 9", "open"],
    ["g n", "namespaces"],
    ["[ ]", "neighbour"],
    ["g c", "compare"],
    ["g y", "history"],
    ["g p", "access"],
    ["g s", "settings"],
  ],
  namespace: [
    ["a", "add"],
    ["e", "edit"],
    ["x", "select"],
    ["v", "paste"],
    ["r", "restore"],
    ["y", "copy"],
    ["h", "keyHistory"],
    ["u", "revert"],
    ["d", "delete"],
    ["p", "publish"],
    ["t", "text"],
  ],
  review: [
    ["j k", "change"],
    ["v", "viewed"],
  ],
  rights: [
    ["e", "grantEdit"],
    ["p", "grantPublish"],
    ["w", "why"],
  ],
} as const;

export function ShortcutList({ onClose }: { onClose: () => void }) {
  const { t } = useTranslation();
  return (
    <Dialog title={t("shortcuts.title")} onClose={onClose}>
      <div className="stack">
        {(Object.keys(SHORTCUTS) as (keyof typeof SHORTCUTS)[]).map((screen) => (
          <section key={screen}>
            <h3 className={classes.screen}>{t(`shortcuts.${screen}`)}</h3>
            <dl className={classes.list}>
              {SHORTCUTS[screen].map(([keys, action]) => (
                <div key={action}>
                  <dt>{t(`shortcuts.act.${action}`)}</dt>
                  <dd>
                    {keys.split(" ").map((key) => (
                      <kbd key={key}>{key}</kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <p className="note">{t("shortcuts.off")}</p>
      </div>
    </Dialog>
  );
}
