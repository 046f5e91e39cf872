// A control that may be blocked for now. Unlike a disabled one it keeps the focus and states its reason: in
// a tooltip for pointer, touch and keyboard, and as its description for screen readers.
import { Tooltip } from "@mantine/core";
import { cloneElement, useId, type MouseEvent, type ReactElement } from "react";

interface Control {
  "aria-disabled"?: boolean | undefined;
  "aria-describedby"?: string | undefined;
  "data-disabled"?: boolean | undefined;
  onClick?: ((event: MouseEvent<never>) => void) | undefined;
}

/** Why a control is blocked; if nothing blocks it, any value that is false. */
export type Why = string | false | null | undefined;

interface Props {
  why: Why;
  /** Tooltip while it is not blocked. */
  label?: string;
  children: ReactElement<Control>;
}

const EVENTS = { hover: true, focus: true, touch: true };
const BLOCKED: Control = {
  "aria-disabled": true,
  "data-disabled": true,
  onClick: (event) => event.preventDefault(),
};

export function Blockable({ why, label, children }: Props) {
  const id = useId();
  const { props } = children;
  return (
    <>
      <Tooltip
        label={why || label}
        disabled={!why && !label}
        events={EVENTS}
        multiline
        maw={320}
        withinPortal={false}
        floatingStrategy="fixed"
      >
        <Described {...props} {...(why && BLOCKED)} control={children} by={why ? id : props["aria-describedby"]} />
      </Tooltip>
      <span id={id} hidden>
        {why}
      </span>
    </>
  );
}

/** The control with what the tooltip adds to it, but for the description, which lasts only while the tooltip is open. */
function Described({ control, by, ...props }: Control & { control: Props["children"]; by: string | undefined }) {
  return cloneElement(control, { ...props, "aria-describedby": by });
}
