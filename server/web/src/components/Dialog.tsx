// A dialog that is open as long as it is rendered, and returns the focus to where it was.
import { Modal } from "@mantine/core";
import { useEffect, useState, type ReactNode } from "react";
import { useTranslation } from "react-i18next";

interface Props {
  title: string;
  size?: "md" | "lg" | "xl";
  onClose: () => void;
  children: ReactNode;
}

export function Dialog({ title, size = "md", onClose, children }: Props) {
  const { t } = useTranslation();
  const [before] = useState(() => document.activeElement);
  useEffect(() => {
    return () => {
      // The action may have removed the element that had the focus.
      const target = before?.isConnected ? before : document.getElementById("main");
      if (target instanceof HTMLElement) target.focus();
    };
  }, [before]);
  return (
    <Modal opened size={size} title={title} onClose={onClose} closeButtonProps={{ "aria-label": t("act.close") }}>
      {children}
    </Modal>
  );
}
