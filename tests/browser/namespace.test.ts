// The items of a namespace: which are shown, and what is done with one or several of them: scenarios S9 and S13.
import { expect, test } from "vitest";

import { addressOf } from "./support/api";
import { expectAccessible, expectAccessibleInAllViews, useSuite } from "./support/suite";

const suite = useSuite();

test("S9: discarding shows what is reverted, and restores values, types and comments", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "edited", value: "1" });
  await api.setItem(at, { key: "gone", value: "7", type: 1, comment: "kept" });
  await api.publish(at);
  await api.setItem(at, { key: "edited", value: "2" });
  await api.deleteItem(at, "gone");
  const page = await suite.open(addressOf(at));
  await page.getByRole("button", { name: "Discard…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("region", { name: "edited" }).waitFor();
  await dialog.getByRole("region", { name: "gone" }).waitFor();
  await dialog.getByRole("button", { name: "Discard changes" }).click();
  await page.getByText("The items match the live release again.").waitFor();
  const items = await api.items(at);
  expect(items.map(({ key, value, type, comment }) => ({ key, value, type, comment }))).toEqual([
    { key: "edited", value: "1", type: 0, comment: "" },
    { key: "gone", value: "7", type: 1, comment: "kept" },
  ]);
});

test("selected keys receive a type and a comment together", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  for (const key of ["first", "second"]) await api.setItem(at, { key, value: "1", comment: "old" });
  await api.setItem(at, { key: "text", value: "x" });
  const page = await suite.open(addressOf(at));
  await page.getByRole("checkbox", { name: "Select all shown keys" }).check();
  await page.getByRole("button", { name: "Set type or comment…" }).click();
  const dialog = page.getByRole("dialog", { name: "Set type or comment of 3 keys" });
  await dialog.getByLabel("Type").selectOption("number");
  await dialog.getByText("1 value does not have this type: text").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("checkbox", { name: "Select text" }).uncheck();
  await page.getByRole("button", { name: "Set type or comment…" }).click();
  await dialog.waitFor({ state: "hidden" });
  const two = page.getByRole("dialog", { name: "Set type or comment of 2 keys" });
  await two.getByLabel("Type").selectOption("number");
  await two.getByRole("checkbox", { name: "Replace the comment" }).check();
  await two.getByRole("textbox", { name: "Comment" }).fill("ms");
  await two.getByRole("button", { name: "Change 2 keys" }).click();
  await page.getByText("Changed 2 keys.").waitFor();
  const items = (await api.items(at)).map(({ key, type, comment }) => `${key} ${type} ${comment}`);
  expect(items.toSorted()).toEqual(["first 1 ms", "second 1 ms", "text 0 "]);
});

test("rows have the height that the user prefers", async () => {
  const at = await suite.createPlace();
  await (await suite.api).setItem(at, { key: "limit", value: "100" });
  const page = await suite.open("/me/preferences", { as: "with-low-rows" });
  await page.getByText("Compact").click();
  await page.goto(addressOf(at));
  const row = page.getByRole("row", { name: "limit" });
  await expect.poll(async () => (await row.boundingBox())?.height).toBe(32);
});

test("selected keys are deleted together, and the filter selects by parts of an item", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  for (const key of ["first", "second"]) await api.setItem(at, { key, value: "1", comment: "old" });
  await api.setItem(at, { key: "third", value: "1" });
  const page = await suite.open(`${addressOf(at)}?f=has:comment`);
  await page.getByRole("row", { name: "first" }).waitFor();
  await expect.poll(() => page.getByRole("row", { name: "third" }).count()).toBe(0);
  await page.getByRole("checkbox", { name: "Select all shown keys" }).check();
  const bar = page.getByRole("group", { name: "2 keys selected" });
  await bar.getByRole("button", { name: "Delete 2 keys…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await page.getByText("Deleted 2 keys.").waitFor();
  expect((await api.items(at)).map(({ key }) => key)).toEqual(["third"]);
});

test("keys are filtered by type and by the time of their change, from a menu that the address keeps", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "1", type: 1 });
  await api.setItem(at, { key: "name", value: "shop" });
  const page = await suite.open(addressOf(at));
  const menu = page.getByRole("button", { name: "Filter by type and time" });
  const choose = (name: string) => page.getByRole("menuitemradio", { name }).click();
  await page.getByText("2 of 2").waitFor();
  await menu.click();
  await choose("number");
  await page.getByText("1 of 2").waitFor();
  await page.getByRole("row", { name: "limit" }).waitFor();
  await choose("In the last 24 hours");
  await expect.poll(() => new URL(page.url()).searchParams.get("f")).toBe("within:24h type:number");
  await page.getByText("1 of 2").waitFor();
  await page.getByRole("menuitemradio", { name: "number", checked: true }).waitFor();
  await choose("Any type");
  await page.getByText("2 of 2").waitFor();
  // Nothing is that young.
  await page.getByRole("textbox", { name: "Key, value, comment, person" }).fill("within:0h");
  await page.getByText("0 of 2").waitFor();
});

test("deleted keys are listed after their deletion was published, and restored as they were", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  const items = [
    { key: "limit", value: "7", type: 1, comment: "kept" },
    { key: "rate", value: "old", comment: "" },
    { key: "stays", value: "1" },
  ];
  for (const item of items) await api.setItem(at, item);
  await api.setItem(at, { key: "rate", value: "0.5" });
  await api.publish(at);
  for (const key of ["limit", "rate"]) await api.deleteItem(at, key);
  await api.publish(at);
  const page = await suite.open(addressOf(at));
  await page.getByRole("button", { name: "Restore deleted keys" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("checkbox", { name: "limit" }).check();
  await dialog.getByRole("checkbox", { name: "rate" }).check();
  await expect.poll(() => dialog.getByRole("checkbox").count()).toBe(2);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Restore 2 keys" }).click();
  await page.getByText("Restored 2 keys.").waitFor();
  const stored = (await api.items(at)).map(({ key, value, type, comment }) => ({ key, value, type, comment }));
  expect(stored.toSorted((a, b) => a.key.localeCompare(b.key))).toEqual([
    { key: "limit", value: "7", type: 1, comment: "kept" },
    { key: "rate", value: "0.5", type: 0, comment: "" },
    { key: "stays", value: "1", type: 0, comment: "" },
  ]);
});

test("the history of a key is one step from its row", async () => {
  const at = await suite.createPlace();
  await (await suite.api).setItem(at, { key: "limit", value: "1" });
  await (await suite.api).publish(at, "first");
  const page = await suite.open(addressOf(at));
  await page.getByRole("row", { name: "limit" }).hover();
  await page.getByRole("button", { name: "History of limit" }).click();
  await page.getByRole("heading", { name: "History of the key limit" }).waitFor();
  await page.getByRole("listitem").filter({ hasText: "Published" }).getByText("first").waitFor();
  await page.goBack();
  await page.getByRole("row", { name: "limit" }).focus();
  await page.keyboard.press("h");
  await page.getByRole("heading", { name: "History of the key limit" }).waitFor();
});

test("S13: an invalid JSON value cannot be saved, and a valid one can be formatted", async () => {
  const at = await suite.createPlace();
  const page = await suite.open(addressOf(at));
  await page.getByRole("button", { name: "Add key" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Key", { exact: true }).fill("rules");
  await dialog.getByLabel("Type").selectOption("JSON");
  await dialog.getByLabel("Value", { exact: true }).fill('{"a": [1,}');
  await dialog.getByText("This is not a JSON object or array.").filter({ visible: true }).waitFor();
  await expect.poll(() => dialog.getByRole("button", { name: "Add key" }).isDisabled()).toBe(true);
  await dialog.getByLabel("Value", { exact: true }).fill('{"a": [1]}');
  await dialog.getByRole("button", { name: "Format" }).click();
  await expect.poll(() => dialog.getByLabel("Value", { exact: true }).inputValue()).toBe('{\n  "a": [\n    1\n  ]\n}');
  await dialog.getByRole("button", { name: "Add key" }).click();
  await page.getByRole("row", { name: "rules" }).waitFor();
});

test("the table is accessible in both themes and widths", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "checkout.cart.max-items", value: "100", type: 1, comment: "Raised for the winter" });
  await api.setItem(at, { key: "checkout.legacy", value: "x" });
  await api.publish(at);
  await api.setItem(at, { key: "checkout.cart.max-items", value: "150", type: 1 });
  await api.setItem(at, { key: "checkout.express", value: "true", type: 2 });
  await api.deleteItem(at, "checkout.legacy");
  const page = await suite.open(addressOf(at));
  await page.getByRole("row", { name: "checkout.express" }).waitFor();
  await expectAccessibleInAllViews(page);
  await page.getByRole("button", { name: "checkout.express", exact: true }).click();
  await page.getByRole("dialog").waitFor();
  await expectAccessibleInAllViews(page);
});
