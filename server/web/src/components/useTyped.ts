// The text of a field that is in the address: what was typed, as long as the field has the focus. The address follows
// later, and until then React would take back each character, of which an input method composes others. If the address
// changes otherwise, as by a step back, its text is shown.
import { useState, type ChangeEvent } from "react";

interface Typed {
  text: string;
  /** The text of the address, then those that were sent and have not arrived there. */
  due: string[];
}

export function useTyped(value: string, onChange: (text: string) => void) {
  const [stored, setTyped] = useState<Typed | null>(null);
  const typed = stored && arrived(stored, value);
  if (typed !== stored) setTyped(typed);
  return {
    value: typed?.text ?? value,
    onChange: ({ currentTarget }: ChangeEvent<HTMLInputElement>) => {
      const text = currentTarget.value;
      setTyped((old) => ({ text, due: [...(old?.due ?? [value]), text] }));
      onChange(text);
    },
    onBlur: () => setTyped(null),
  };
}

/** Null if this is in the address for another reason. */
function arrived(typed: Typed, value: string): Typed | null {
  const at = typed.due.indexOf(value);
  if (at < 0) return null;
  return at === 0 ? typed : { ...typed, due: typed.due.slice(at) };
}
