// The JSON Schema of a namespace, and the places of its draft that violate it.
import { queryOptions } from "@tanstack/react-query";

import { get, getWithRevision, send } from "./client";
import { namespacePath, type Place } from "./queries";
import type { NamespaceSchema, SchemaViolation } from "./schema";

/** Of the schema, in bytes; the server has the same limit. */
export const SCHEMA_LENGTH = 64 * 1024;

/** Formats whose content a schema can describe. */
export const hasSchema = (format: string) => !["xml", "txt"].includes(format);

export const schemaKey = (at: Place) => ["schema", at.app, at.env, at.cluster, at.ns];

export const namespaceSchema = (at: Place) =>
  queryOptions({
    queryKey: schemaKey(at),
    staleTime: 0,
    // The dialog begins with what is stored when it is opened.
    gcTime: 0,
    queryFn: async () => {
      const { body, revision } = await getWithRevision<NamespaceSchema>(`${namespacePath(at)}/schema`);
      const by = body?.dataChangeLastModifiedByDisplayName ?? body?.dataChangeLastModifiedBy;
      return { schema: body?.schema ?? null, by, time: body?.dataChangeLastModifiedTime, revision };
    },
  });

export function saveSchema(at: Place, schema: unknown, revision: string) {
  return send("PUT", `${namespacePath(at)}/schema`, { schema }, revision);
}

/** Read again with the draft. An older portal has no schemas. */
export const schemaViolations = (at: Place) =>
  queryOptions({
    queryKey: ["draft", at.app, at.env, at.cluster, at.ns, "violations"],
    queryFn: async () => (await get<SchemaViolation[]>(`${namespacePath(at)}/schema/violations`)) ?? [],
  });
