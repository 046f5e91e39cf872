// Writes: one function for each action, and the hook that runs one and refreshes what it changed.
import { useMutation, useQueryClient } from "@tanstack/react-query";

import type {
  NamespaceReleaseDTO,
  OpenCreateAppDTO,
  OpenItemDTO,
  OpenNamespaceTextModel,
  OpenReleaseDTO,
} from "./bodies";
import { encodedKey, path, send } from "./client";
import { namespacePath, type Place } from "./queries";

type Item = Pick<OpenItemDTO, "key" | "value" | "type" | "comment">;

export function createApp(app: OpenCreateAppDTO) {
  return send("POST", "apps", app);
}

export function createItem(at: Place, item: Item) {
  return send<OpenItemDTO>("POST", `${namespacePath(at)}/items`, item);
}

export function updateItem(at: Place, item: Item) {
  return send("PUT", `${namespacePath(at)}/encodedItems/${encodedKey(item.key)}`, item);
}

export function deleteItem(at: Place, key: string) {
  return send("DELETE", `${namespacePath(at)}/encodedItems/${encodedKey(key)}`);
}

/** Stores the whole text of a namespace that is one document (JSON, YAML, XML or plain text). */
export function saveText(at: Place, format: string, configText: string) {
  const body: OpenNamespaceTextModel = { format, configText };
  return send("PUT", `${namespacePath(at)}/items`, body);
}

/** Reverts the items to the live release. */
export function discardChanges(at: Place) {
  return send("POST", `${namespacePath(at)}/items/revocation`);
}

export function publish(at: Place, body: NamespaceReleaseDTO) {
  return send<OpenReleaseDTO>("POST", `${namespacePath(at)}/releases`, body);
}

export function rollBack(env: string, liveId: number, toId: number) {
  return send("PUT", path`envs/${env}/releases/${liveId}/rollback?toReleaseId=${toId}`);
}

/**
 * Runs one of the writes above; afterwards, even after a failure, the data of `place` is read
 * again.
 */
export function useWrite<Input, Output>(
  write: (input: Input) => Promise<Output>,
  place: Partial<Place>,
  onSuccess?: (output: Output, input: Input) => void,
) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: write,
    onSettled: () => {
      const { app = "", env = "", cluster = "", ns = "" } = place;
      const keys = [["home"], ["list", app, env, cluster], ["draft", app, env, cluster, ns]];
      for (const queryKey of [...keys, ["history", app, env, cluster, ns]]) void cache.invalidateQueries({ queryKey });
    },
    ...(onSuccess && { onSuccess }),
  });
}
