// The edits of a namespace that this browser keeps until they are stored: of items, or of the whole text.
import { useState } from "react";

import { useBoot, type Place } from "../api/queries";
import {
  dropUnsaved,
  keepBase,
  keepUnsaved,
  nameOf,
  readUnsaved,
  readUnsavedItems,
  type EditForm,
  type Unsaved,
} from "../state/unsaved";

function useName({ app, env, cluster, ns }: Place): string {
  return nameOf(useBoot().user.userId, [app, env, cluster, ns]);
}

/** With `start`, what was kept is not read: the edit begins with that. */
export function useUnsaved<Edit, Was>(place: Place, form: EditForm, start?: Unsaved<Edit, Was> | null) {
  const name = useName(place) + form;
  const [kept] = useState(() => (start === undefined ? readUnsaved<Edit, Was>(name) : start));
  const [edit, setEdit] = useState<Edit | null>(kept?.edit ?? null);
  // What is dropped: not that of another window.
  const [stored, setStored] = useState(edit);
  return {
    /** What the edit began with, if it was restored. */
    kept,
    /** Null if nothing is edited. */
    edit,
    keep: (unsaved: Unsaved<Edit, Was>) => {
      setEdit(unsaved.edit);
      if (keepUnsaved(name, unsaved)) setStored(unsaved.edit);
    },
    keepBase: (base: { was: Was; revision: string }) => keepBase(name, base),
    drop: () => {
      if (stored !== null) dropUnsaved(name, stored);
      setEdit(null);
      setStored(null);
    },
  };
}

/** The edits of items that were left unsaved, each with its form. */
export function useUnsavedItems<Edit, Was>(place: Place) {
  const name = useName(place);
  const [kept, setKept] = useState(() => readUnsavedItems<Edit, Was>(name));
  return {
    kept,
    drop: (one: (typeof kept)[number]) => {
      dropUnsaved(name + one.form, one.edit);
      setKept(kept.filter((other) => other !== one));
    },
  };
}
