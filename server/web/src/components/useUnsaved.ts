// The edit of a namespace that this browser keeps until it is stored: of an item, or of the whole text.
import { useState } from "react";

import { useBoot, type Place } from "../api/queries";
import { dropUnsaved, keepBase, keepUnsaved, nameOf, readUnsaved, type EditForm, type Unsaved } from "../state/unsaved";

/** With `start`, what was kept is not read: the edit begins with that. */
export function useUnsaved<Edit, Was>(place: Place, form: EditForm = "", start?: Unsaved<Edit, Was> | null) {
  const { app, env, cluster, ns } = place;
  const name = nameOf(useBoot().user.userId, [app, env, cluster, ns], form);
  const [kept] = useState(() => (start === undefined ? readUnsaved<Edit, Was>(name) : start));
  const [edit, setEdit] = useState<Edit | null>(kept?.edit ?? null);
  return {
    /** What the edit began with, if it was restored. */
    kept,
    /** Null if nothing is edited. */
    edit,
    keep: (unsaved: Unsaved<Edit, Was>) => {
      setEdit(unsaved.edit);
      keepUnsaved(name, unsaved);
    },
    keepBase: (base: { was: Was; revision: string }) => keepBase(name, base),
    drop: () => {
      dropUnsaved(name);
      setEdit(null);
    },
  };
}
