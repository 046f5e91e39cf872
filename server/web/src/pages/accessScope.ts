// How the scope of a right is named in sentences.
import type { Scope } from "../api/roles";

export function scopeText(scope: Scope, allEnvs: string, app: string): string {
  switch (scope.kind) {
    case "app":
      return app;
    case "namespace":
      return allEnvs;
    case "env":
      return scope.env;
    case "cluster":
      return `${scope.env} / ${scope.cluster}`;
  }
}
