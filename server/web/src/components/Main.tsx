// The main part of a page with its title; receives the focus if the link that led here no longer
// exists.
import { useEffect, useRef, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface Props {
  title: string;
  className?: string | undefined;
  children: ReactNode;
}

export function Main({ title, className = "page", children }: Props) {
  const { t } = useTranslation();
  const main = useRef<HTMLElement>(null);
  useEffect(() => {
    if (document.activeElement === document.body) main.current?.focus();
  }, [title]);
  return (
    <main id="main" ref={main} tabIndex={-1} className={className}>
      <title>{`${title} - ${t("shell.product")}`}</title>
      {children}
    </main>
  );
}
