// The link to the review of a rollback.
import { Button } from "@mantine/core";
import { IconArrowBackUp } from "@tabler/icons-react";
import { Link } from "@tanstack/react-router";

interface Props {
  app: string;
  env: string;
  /** Ids of the live release, and of the one to roll back to. */
  live: number;
  to: number;
  /** Only these. */
  keys?: string[];
  isCompact?: boolean;
  children: string;
}

export function RollbackLink({ app, env, live, to, keys, isCompact = false, children }: Props) {
  return (
    <Button
      variant="default"
      {...(isCompact ? { size: "compact-sm" } : { leftSection: <IconArrowBackUp size={16} stroke={1.8} /> })}
      renderRoot={(props) => (
        <Link
          {...props}
          to="/a/$app/rollback/$env/$releaseId"
          params={{ app, env, releaseId: String(live) }}
          search={{ to, keys: keys?.join("\n") }}
        />
      )}
    >
      {children}
    </Button>
  );
}
