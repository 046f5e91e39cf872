// Gives several keys another type or comment at once. Values stay as they are, so a type that does
// not fit one of them is refused.
import { Checkbox, NativeSelect, TextInput } from "@mantine/core";
import { useState } from "react";
import { useTranslation } from "react-i18next";

import { useChanges } from "../api/changes";
import type { Place } from "../api/queries";
import { Confirm } from "../components/Confirm";
import { OrConflict } from "../components/ConflictView";
import type { ItemChange } from "../state/changes";
import type { DraftRow } from "../state/draft";
import { checkValue, COMMENT_LENGTH, ITEM_TYPES } from "../text/check";

interface Props {
  /** The keys as they are shown, and the state of the namespace that they show. */
  seen: { rows: DraftRow[]; revision: string };
  place: Place;
  onDone: (text: string, changes: ItemChange[]) => void;
  onClose: () => void;
}

export function SetItems({ seen: { rows, revision }, place, onDone, onClose }: Props) {
  const { t } = useTranslation();
  const [type, setType] = useState<number | null>(null);
  const [comment, setComment] = useState<string | null>(null);
  const changes = useChanges(place, (made) => onDone(t("bulk.set", { count: made.length }), made));
  const wrong = rows.filter(({ value }) => type !== null && checkValue(type, value ?? "") !== null);
  const isTooLong = (comment?.length ?? 0) > COMMENT_LENGTH;
  const planned = rows.flatMap((row): ItemChange[] => {
    const was = { value: row.value ?? "", type: row.type, comment: row.comment };
    const now = { ...was, type: type ?? was.type, comment: comment ?? was.comment };
    return now.type === was.type && now.comment === was.comment ? [] : [{ key: row.key, was, now }];
  });
  const whyNot =
    wrong.length > 0 || isTooLong ? t("why.problems") : planned.length === 0 && t("why.sameTypeAndComment");
  return (
    <OrConflict changes={changes}>
      <Confirm
        title={t("bulk.setTitle", { count: rows.length })}
        action={t("bulk.setAct", { count: planned.length })}
        why={whyNot}
        write={changes}
        onConfirm={() => changes.run(planned, revision)}
        onClose={onClose}
      >
        <NativeSelect
          label={t("item.type")}
          value={type ?? ""}
          data={[
            { value: "", label: t("bulk.keepType") },
            ...ITEM_TYPES.map((name, number) => ({ value: String(number), label: t(`type.${name}`) })),
          ]}
          error={
            wrong.length > 0 &&
            t("bulk.wrongType", { count: wrong.length, keys: wrong.map(({ key }) => key).join(", ") })
          }
          onChange={({ currentTarget: { value } }) => setType(value === "" ? null : Number(value))}
          data-autofocus
        />
        <Checkbox
          label={t("bulk.replaceComment")}
          checked={comment !== null}
          onChange={(event) => setComment(event.currentTarget.checked ? "" : null)}
        />
        {comment !== null && (
          <TextInput
            label={t("item.comment")}
            value={comment}
            error={isTooLong && t("check.tooLong")}
            onChange={(event) => setComment(event.currentTarget.value)}
          />
        )}
      </Confirm>
    </OrConflict>
  );
}
