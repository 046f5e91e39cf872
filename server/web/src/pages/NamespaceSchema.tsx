// The JSON Schema of a namespace, for administrators of the app: what violates it cannot be published.
import { Button } from "@mantine/core";
import { IconBraces, IconTrash } from "@tabler/icons-react";
import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState, type SyntheticEvent } from "react";
import { useTranslation } from "react-i18next";

import { useAction } from "../api/action";
import { namespaceSchema, saveSchema, schemaKey, SCHEMA_LENGTH } from "../api/namespaceSchema";
import type { Place } from "../api/queries";
import { useAppAdmin } from "../api/rights";
import { Dialog } from "../components/Dialog";
import { DialogEnd } from "../components/DialogEnd";
import { Since } from "../components/Since";
import { Loaded, PageLoading } from "../components/States";
import classes from "./NamespaceSchema.module.css";

const CodeEditor = lazy(async () => ({ default: (await import("../components/CodeEditor")).CodeEditor }));

/** The button that opens the schema. */
export function NamespaceSchema({ place }: { place: Place }) {
  const { t } = useTranslation();
  const [isOpen, setOpen] = useState(false);
  if (useAppAdmin(place.app) !== true) return null;
  return (
    <>
      <Button
        variant="default"
        size="compact-xs"
        leftSection={<IconBraces size={14} stroke={1.8} />}
        onClick={() => setOpen(true)}
      >
        {t("schema.open")}
      </Button>
      {isOpen && <SchemaDialog place={place} onClose={() => setOpen(false)} />}
    </>
  );
}

interface Props {
  place: Place;
  onClose: () => void;
}

function SchemaDialog({ place, onClose }: Props) {
  const { t } = useTranslation();
  const stored = useQuery(namespaceSchema(place));
  return (
    <Dialog title={t("schema.title", { name: place.ns, env: place.env })} size="xl" onClose={onClose}>
      <div className="stack">
        <p>{t("schema.about")}</p>
        <Loaded query={stored}>
          {({ schema, by, time, revision }) => (
            <>
              {time && (
                <p className="note">
                  <Since by={by} time={time} />
                </p>
              )}
              <SchemaForm place={place} stored={{ schema, revision }} onClose={onClose} />
            </>
          )}
        </Loaded>
      </div>
    </Dialog>
  );
}

interface FormProps extends Props {
  stored: { schema: unknown; revision: string };
}

/** Edits what was stored when the dialog was opened, although that is read again meanwhile. */
function SchemaForm({ place, stored, onClose }: FormProps) {
  const { t } = useTranslation();
  const [{ schema, revision }] = useState(stored);
  const [text, setText] = useState(() => (schema === null ? "" : JSON.stringify(schema, null, 2)));
  const [start] = useState(text);
  const [problem, setProblem] = useState<string | null>(null);
  const draftKey = ["draft", place.app, place.env, place.cluster, place.ns];
  const write = useAction((next: unknown) => saveSchema(place, next, revision), [schemaKey(place), draftKey], onClose);
  const submit = (event?: SyntheticEvent) => {
    event?.preventDefault();
    if (write.isPending) return;
    const parsed = parse(text);
    setProblem(parsed === null ? t("schema.noObject") : null);
    if (parsed !== null) write.mutate(parsed);
  };
  return (
    <form className="stack" onSubmit={submit}>
      <div className={classes.editor}>
        <Suspense fallback={<PageLoading />}>
          <CodeEditor
            label={t("schema.text")}
            value={start}
            format="json"
            onChange={(next) => {
              setText(next);
              setProblem(null);
            }}
            onSave={() => submit()}
          />
        </Suspense>
      </div>
      {problem && (
        <p className={classes.problem} role="alert">
          {problem}
        </p>
      )}
      {schema !== null && (
        <div>
          <Button
            variant="default"
            color="red"
            leftSection={<IconTrash size={16} stroke={1.8} />}
            loading={write.isPending}
            onClick={() => write.mutate(null)}
          >
            {t("schema.remove")}
          </Button>
        </div>
      )}
      <DialogEnd action={t("schema.save")} write={write} onClose={onClose} />
    </form>
  );
}

/** Null unless the text is a JSON object that the server may accept. */
function parse(text: string): object | null {
  if (new TextEncoder().encode(text).length > 2 * SCHEMA_LENGTH) return null;
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
