// Short messages at the bottom of the page. Rendered once by the frame of the pages; messages that
// were shown before are kept until then.
import { Notifications, notifications } from "@mantine/notifications";

const SHOWN_MS = 8000;

export function Toasts() {
  return <Notifications position="bottom-center" autoClose={SHOWN_MS} />;
}

export function showToast(message: string): void {
  notifications.show({ message, role: "status" });
}
