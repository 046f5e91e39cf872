// The JSON Schema of a namespace: stored by an administrator, shown by the review, removed.
import { expect, test } from "vitest";

import { expectAccessible, useSuite } from "./support/suite";

const suite = useSuite();

test("content that violates the schema of its namespace is listed by the review and not published", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "many-secrets" });
  const page = await suite.open(`/a/${at.app}/c/DEV/default/application`);
  await page.getByRole("button", { name: "Schema", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("textbox", { name: "JSON Schema" }).click();
  await page.keyboard.insertText("no JSON");
  await dialog.getByRole("button", { name: "Save schema" }).click();
  await dialog.getByText("This is not a JSON object").waitFor();
  await dialog.getByRole("textbox", { name: "JSON Schema" }).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.insertText('{ "properties": { "limit": { "type": "integer" } } }');
  await dialog.getByText("This is not a JSON object").waitFor({ state: "detached" });
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Save schema" }).click();
  await dialog.waitFor({ state: "detached" });

  await page.goto(`/a/${at.app}/publish?t=DEV:default:application`);
  const violated = page.getByRole("region", { name: "application violates its JSON Schema" });
  await violated.getByText("/limit").waitFor();
  await expect.poll(() => violated.innerText()).not.toContain("many-secrets");
  await expect
    .poll(() => page.getByRole("button", { name: "Publish to DEV" }).getAttribute("aria-disabled"))
    .toBe("true");
  await expectAccessible(page);

  await page.goto(`/a/${at.app}/c/DEV/default/application`);
  await page.getByRole("button", { name: "Schema", exact: true }).click();
  await dialog.getByText(/apollo · (now|\d)/).waitFor();
  await page.getByRole("button", { name: "Remove schema" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.goto(`/a/${at.app}/publish?t=DEV:default:application`);
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
});
