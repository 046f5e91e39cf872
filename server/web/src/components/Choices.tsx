// Several of a few known names, as check boxes.
import { Checkbox } from "@mantine/core";

interface Props {
  label: string;
  all: readonly string[];
  /** What is shown for a name, if not the name itself. */
  text?: (name: string) => string;
  chosen: string[];
  onChange: (chosen: string[]) => void;
}

export function Choices({ label, all, text = (name) => name, chosen, onChange }: Props) {
  return (
    <fieldset className="choices">
      <legend>{label}</legend>
      {all.map((name) => (
        <Checkbox
          key={name}
          label={text(name)}
          checked={chosen.includes(name)}
          onChange={(event) =>
            onChange(event.currentTarget.checked ? [...chosen, name] : chosen.filter((other) => other !== name))
          }
        />
      ))}
    </fieldset>
  );
}
