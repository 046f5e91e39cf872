// Writes: one function for each action, and the hook that runs one and refreshes what it changed.
import { useMutation, useQueryClient } from "@tanstack/react-query";

import type {
  NamespaceReleaseDTO,
  OpenCreateAppDTO,
  OpenItemChanges,
  OpenItemDTO,
  OpenNamespaceTextModel,
  OpenReleaseDTO,
} from "./bodies";
import { path, readWith, send } from "./client";
import { grayOf } from "./gray";
import { namespacePath, type Place } from "./queries";

export type Item = Pick<OpenItemDTO, "key" | "value" | "type" | "comment">;

export function createApp(app: OpenCreateAppDTO) {
  return send("POST", "apps", app);
}

export function createItem(at: Place, item: Item, revision?: string) {
  return send<OpenItemDTO>("POST", `${namespacePath(at)}/items`, item, revision);
}

/** Makes all these edits with one commit, or none. */
export function changeItems(at: Place, changes: OpenItemChanges, revision?: string) {
  return send("POST", `${namespacePath(at)}/changes`, changes, revision);
}

/** Stores a namespace that is one document: JSON, YAML, XML or plain text. */
export function saveText(at: Place, format: string, configText: string, revision?: string) {
  const body: OpenNamespaceTextModel = { format, configText };
  return send("PUT", `${namespacePath(at)}/items`, body, revision);
}

/** Fails with the line and column of the first error in a document. */
export function validateText(at: Place, format: string, configText: string, signal: AbortSignal) {
  const body: OpenNamespaceTextModel = { format, configText };
  return readWith(`${namespacePath(at)}/items/validation`, body, signal);
}

/** Reverts the items to the live release. */
export function discardChanges(at: Place, revision?: string) {
  return send("POST", `${namespacePath(at)}/items/revocation`, undefined, revision);
}

export function publish(at: Place, body: NamespaceReleaseDTO, revision?: string) {
  return send<OpenReleaseDTO>("POST", `${namespacePath(at)}/releases`, body, revision);
}

/** Refused if another release is live. */
export function rollBack(env: string, liveId: number, toId: number, revision?: string) {
  const query = path`toReleaseId=${toId}&liveReleaseId=${liveId}`;
  return send("PUT", path`envs/${env}/releases/${liveId}/rollback` + `?${query}`, undefined, revision);
}

/** Withdraws the only release of a namespace in a cluster. */
export function withdrawRelease(env: string, id: number) {
  return send("PUT", path`envs/${env}/releases/${id}/withdrawal`);
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
      const keys = [
        ["home"],
        ["lock", app, env, cluster, ns],
        ["list", app, env, cluster],
        ["draft", app, env, cluster, ns],
        ["history", app, env, cluster, ns],
      ];
      for (const queryKey of keys) void cache.invalidateQueries({ queryKey });
      void cache.invalidateQueries(grayOf(app, env, ns));
    },
    ...(onSuccess && { onSuccess }),
  });
}
