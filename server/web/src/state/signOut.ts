// A session that ended while a page was open: the failed call waits here until the user has signed
// in again over the page. Knows neither the call nor the dialog.

type Result = "again" | "leave";

let ask: (() => Promise<Result>) | null = null;
let asking: Promise<Result> | null = null;

/** Registers the dialog, as long as the frame of the pages is shown. Returns how to remove it. */
export function onSessionEnd(dialog: () => Promise<Result>): () => void {
  ask = dialog;
  return () => {
    if (ask === dialog) ask = null;
  };
}

/** Whether the call may be repeated. Calls that fail at the same time share one dialog. */
export async function signedInAgain(): Promise<boolean> {
  if (!ask) return false;
  asking ??= ask().finally(() => (asking = null));
  return (await asking) === "again";
}
