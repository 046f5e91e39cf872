// A field for a user name that suggests users while typing. Names that are not suggested are
// allowed: people of an identity provider may not have signed in yet.
import { TextInput } from "@mantine/core";
import { useDebouncedValue } from "@mantine/hooks";
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useId, type ReactNode } from "react";

import { usersLike } from "../api/users";

const PAUSE_MS = 150;
const SHOWN = 8;

interface Props {
  label: string;
  value: string;
  onChange: (userId: string) => void;
  name?: string;
  description?: ReactNode;
  error?: ReactNode;
  className?: string;
  required?: boolean;
  "data-autofocus"?: boolean;
}

export function UserPicker({ onChange, ...props }: Props) {
  const [keyword] = useDebouncedValue(props.value.trim(), PAUSE_MS);
  const found = useQuery({ ...usersLike(keyword), placeholderData: keepPreviousData }).data ?? [];
  const list = useId();
  return (
    <>
      <TextInput
        {...props}
        list={list}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => onChange(event.currentTarget.value)}
      />
      <datalist id={list}>
        {found.slice(0, SHOWN).map(({ userId, name }) => (
          <option key={userId} value={userId} label={name === userId ? undefined : name} />
        ))}
      </datalist>
    </>
  );
}
