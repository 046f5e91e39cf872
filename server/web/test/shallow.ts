// Calls single components without a browser: their state is kept here, and their elements are looked at as objects. A
// test replaces `useState` of React by the one below, and the other hooks by its own.
import type { ReactNode } from "react";

let states: unknown[] = [];
let next = 0;

export function useState<T>(initial?: T | (() => T)) {
  const [own, at] = [states, next++];
  const of = <V>(value: V | ((old: T) => V), old: T) =>
    typeof value === "function" ? (value as (old: T) => V)(old) : value;
  if (at === own.length) own.push(of(initial as T, undefined as T));
  return [own[at] as T, (value: T | ((old: T) => T)) => void (own[at] = of(value, own[at] as T))] as const;
}

/** A component, or a hook, that is in use: each call is a further rendering. */
export function shown<Props, Output>(component: (props: Props) => Output) {
  const own: unknown[] = [];
  return (props: Props): Output => {
    [states, next] = [own, 0];
    return component(props);
  };
}

/** The properties of the first element of a component, or undefined if there is none. */
export function find<Props>(node: unknown, component: (props: Props) => ReactNode): Props | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  const { type, props } = node as { type?: unknown; props?: Props & { children?: unknown } };
  if (type === component) return props;
  for (const child of Array.isArray(node) ? node : Object.values(props ?? {})) {
    const found = find(child, component);
    if (found) return found;
  }
  return undefined;
}

/** The same of an element that is there. */
export function get<Props>(node: unknown, component: (props: Props) => ReactNode): Props {
  const found = find(node, component);
  if (!found) throw new Error(`there is no ${component.name}`);
  return found;
}

export interface Shown {
  type: (props: object) => ReactNode;
  props: object;
}

/** The element of a component that its file does not export. */
export function named(node: unknown, name: string): Shown {
  const found = search(node, name);
  if (!found) throw new Error(`there is no ${name}`);
  return found;
}

function search(node: unknown, name: string): Shown | undefined {
  if (typeof node !== "object" || node === null) return undefined;
  const { type, props } = node as { type?: { name?: string }; props?: object };
  if (type?.name === name) return node as Shown;
  const children = Array.isArray(node) ? node : Object.values(props ?? {});
  return children.map((child) => search(child, name)).find(Boolean);
}
