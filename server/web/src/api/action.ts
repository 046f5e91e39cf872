// Runs a write of a screen, and reads again what it may have changed.
import { useMutation, useQueryClient, type QueryKey } from "@tanstack/react-query";

/** Also after a failure the data is read again: its outcome may be unknown. */
export function useAction<Input, Output>(
  action: (input: Input) => Promise<Output>,
  stale: QueryKey[],
  onSuccess?: (output: Output, input: Input) => void,
) {
  const cache = useQueryClient();
  return useMutation({
    mutationFn: action,
    onSettled: () => Promise.all(stale.map((queryKey) => cache.invalidateQueries({ queryKey }))),
    ...(onSuccess && { onSuccess }),
  });
}
