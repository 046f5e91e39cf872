// The filter of a page: its text is in the address, and `/` leads to it.
import { TextInput } from "@mantine/core";
import { IconSearch } from "@tabler/icons-react";
import { useRef } from "react";

import { useShortcuts } from "../state/keys";
import classes from "./FilterField.module.css";
import { useTyped } from "./useTyped";

interface Props {
  label: string;
  value: string;
  onChange: (text: string | undefined) => void;
}

export function FilterField({ label, value, onChange }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const typed = useTyped(value, (text) => onChange(text || undefined));
  useShortcuts({ "/": () => field.current?.focus() });
  return (
    <TextInput
      ref={field}
      className={classes.filter}
      type="search"
      aria-label={label}
      placeholder={label}
      leftSection={<IconSearch size={16} stroke={1.8} />}
      rightSection={typed.value ? undefined : <kbd>/</kbd>}
      {...typed}
    />
  );
}
