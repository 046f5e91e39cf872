// Pins an app to the user's start page, or unpins it. Shown at once, and taken back if the server
// refuses.
import { ActionIcon } from "@mantine/core";
import { IconStar, IconStarFilled } from "@tabler/icons-react";
import { useMutation, useQuery, useQueryClient } from "@tanstack/react-query";
import { useTranslation } from "react-i18next";

import { pin, pins, unpin, type Pin } from "../api/home";
import { useBoot } from "../api/queries";
import { toastFailure } from "./toast";

export interface Pins {
  list: Pin[] | undefined;
  toggle: (app: string) => void;
}

export function usePins(): Pins {
  const user = useBoot().user.userId;
  const list = useQuery(pins(user)).data;
  const cache = useQueryClient();
  const { queryKey } = pins(user);
  const write = useMutation({
    mutationFn: async (app: string) => {
      const pinned = list?.find((one) => one.appId === app);
      await (pinned ? unpin(pinned.id) : pin({ user, app }));
    },
    onMutate: (app) =>
      cache.setQueryData<Pin[]>(queryKey, (old = []) => {
        const others = old.filter((one) => one.appId !== app);
        return others.length < old.length ? others : [...old, { id: 0, appId: app }];
      }),
    onError: toastFailure,
    onSettled: () => cache.invalidateQueries({ queryKey }),
  });
  return { list, toggle: (app) => !write.isPending && write.mutate(app) };
}

/** `pins` is read by the caller: hundreds of buttons share it. */
export function PinButton({ app, name, pins: { list, toggle } }: { app: string; name: string; pins: Pins }) {
  const { t } = useTranslation();
  const isPinned = list?.some((one) => one.appId === app) ?? false;
  const Sign = isPinned ? IconStarFilled : IconStar;
  return (
    <ActionIcon
      variant="subtle"
      size="lg"
      aria-label={t("home.pin", { name })}
      aria-pressed={isPinned}
      title={t(isPinned ? "home.unpinTip" : "home.pinTip")}
      onClick={() => toggle(app)}
    >
      <Sign size={18} stroke={1.8} />
    </ActionIcon>
  );
}
