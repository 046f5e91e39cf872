// Editing the items of a namespace: scenarios S7, S9, S13, S32 and S40.
import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import type { Place } from "./support/api";
import { expectAccessible, expectAccessibleInAllViews, useSuite } from "./support/suite";

const suite = useSuite();

async function application(): Promise<Place> {
  return { app: await suite.createApp(), env: "DEV", cluster: "default", ns: "application" };
}

const address = ({ app, env, cluster, ns }: Place) => `/a/${app}/c/${env}/${cluster}/${ns}`;

test("S7: a publish shows the changed words first, and clients then read the value", async () => {
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "at most 100 items" });
  await api.publish(at);
  await api.setItem(at, { key: "limit", value: "at most 150 items" });
  const page = await suite.open(address(at));
  await page.getByRole("link", { name: "Review and publish" }).click();
  const change = page.getByRole("region", { name: "limit" });
  await change.waitFor();
  await expect.poll(() => change.locator("mark").allTextContents()).toEqual(["100", "150"]);
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
  await page.getByRole("link", { name: "Back to application" }).click();
  await page.getByRole("row", { name: "limit" }).waitFor();
  await expect.poll(() => page.getByText("unpublished change").count()).toBe(0);
  await expect.poll(() => suite.served(at)).toEqual({ limit: "at most 150 items" });
});

test("S9: discarding shows what is reverted, and restores values, types and comments", async () => {
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "edited", value: "1" });
  await api.setItem(at, { key: "gone", value: "7", type: 1, comment: "kept" });
  await api.publish(at);
  await api.setItem(at, { key: "edited", value: "2" });
  await api.deleteItem(at, "gone");
  const page = await suite.open(address(at));
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

test("a pasted text is previewed, saved in one step and undone", async () => {
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "db.url", value: "old", comment: "kept" });
  await api.setItem(at, { key: "same", value: "1" });
  const page = await suite.open(address(at));
  await page.getByRole("row", { name: "db.url" }).waitFor();
  await page.keyboard.press("v");
  const dialog = page.getByRole("dialog", { name: "Paste keys" });
  const text = dialog.getByRole("textbox", { name: "Text" });
  await text.fill("DB_URL=x\nwrong line");
  await dialog.getByLabel("Format").selectOption(".env");
  await dialog.getByText("Line 2: There is no = between name and value.").waitFor();
  await expect.poll(() => dialog.getByRole("button", { name: /^Save/ }).isDisabled()).toBe(true);
  await dialog.getByLabel("Format").selectOption("YAML");
  await text.fill("db:\n  url: new\n  pool: 1.50\nsame: 1\n");
  await dialog.getByText("1 new, 1 overwritten, 1 same.").waitFor();
  await expect
    .poll(() => dialog.getByRole("region", { name: "db.url" }).locator("mark").allTextContents())
    .toEqual(["old", "new"]);
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Save 2 keys" }).click();
  await page.getByText("Saved 2 keys.").waitFor();
  const stored = async () => {
    const items = (await api.items(at)).map(({ key, value, type, comment }) => [key, value, type, comment].join("|"));
    return items.toSorted();
  };
  expect(await stored()).toEqual(["db.pool|1.50|1|", "db.url|new|0|kept", "same|1|0|"]);
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByRole("row", { name: "db.pool" }).waitFor({ state: "detached" });
  // The table shows the undone change before it is stored.
  await expect.poll(stored).toEqual(["db.url|old|0|kept", "same|1|0|"]);
});

test("keys are copied as a text for another program", async () => {
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "db.pool", value: "3", type: 1 });
  await api.setItem(at, { key: "name", value: 'a "b"' });
  const page = await suite.open(address(at));
  const copied = async (format: string) => {
    await page.getByRole("button", { name: "Copy as" }).first().click();
    await page.getByRole("menuitem", { name: format, exact: true }).click();
    await page.getByText(`as ${format}.`).waitFor();
    // It fades out.
    await page.getByRole("menu").waitFor({ state: "detached" });
    return page.evaluate(() => navigator.clipboard.readText());
  };
  expect(await copied("JSON")).toBe('{\n  "db.pool": 3,\n  "name": "a \\"b\\""\n}\n');
  expect(await copied(".env")).toBe('DB_POOL=3\nNAME="a \\"b\\""\n');
  await page.getByRole("checkbox", { name: "Select name" }).check();
  const bar = page.getByRole("group", { name: "1 key selected" });
  await bar.getByRole("button", { name: "Copy as" }).click();
  await page.getByRole("menuitem", { name: "YAML", exact: true }).click();
  await page.getByText("Copied 1 key as YAML.").waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe('name: "a \\"b\\""\n');
});

test("keys are downloaded as a file that the other program reads", async () => {
  const at = await application();
  await (await suite.api).setItem(at, { key: "db pool", value: "c:\\x" });
  const page = await suite.open(address(at));
  await page.getByRole("button", { name: "Copy as" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "Download as Properties" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("application.properties");
  expect(await readFile(await download.path(), "utf8")).toBe("db\\ pool = c:\\\\x\n");
});

test("keys are downloaded as CSV, in which nothing is a formula", async () => {
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "greeting", value: 'a "b", c', comment: "您好" });
  await api.setItem(at, { key: "offset", value: "-5", type: 1 });
  await api.setItem(at, { key: "rule", value: "=1+1" });
  const page = await suite.open(address(at));
  await page.getByRole("button", { name: "Copy as" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "Download as CSV" }).click(),
  ]);
  const lines = (await readFile(await download.path(), "utf8")).split("\r\n");
  const starts = [
    'greeting,"a ""b"", c",string,您好,apollo,',
    "offset,-5,number,,apollo,",
    "rule,'=1+1,string,,apollo,",
  ];
  expect(lines).toHaveLength(starts.length + 2);
  for (const [index, start] of starts.entries()) expect(lines[index + 1]?.slice(0, start.length)).toBe(start);
});

test("selected keys receive a type and a comment together", async () => {
  const at = await application();
  const api = await suite.api;
  for (const key of ["first", "second"]) await api.setItem(at, { key, value: "1", comment: "old" });
  await api.setItem(at, { key: "text", value: "x" });
  const page = await suite.open(address(at));
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
  const at = await application();
  await (await suite.api).setItem(at, { key: "limit", value: "100" });
  const page = await suite.open("/me/preferences", { as: "with-low-rows" });
  await page.getByText("Compact").click();
  await page.goto(address(at));
  const row = page.getByRole("row", { name: "limit" });
  await expect.poll(async () => (await row.boundingBox())?.height).toBe(32);
});

test("selected keys are deleted together, and the filter selects by parts of an item", async () => {
  const at = await application();
  const api = await suite.api;
  for (const key of ["first", "second"]) await api.setItem(at, { key, value: "1", comment: "old" });
  await api.setItem(at, { key: "third", value: "1" });
  const page = await suite.open(`${address(at)}?f=has:comment`);
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
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "1", type: 1 });
  await api.setItem(at, { key: "name", value: "shop" });
  const page = await suite.open(address(at));
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
  const at = await application();
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
  const page = await suite.open(address(at));
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
  const at = await application();
  await (await suite.api).setItem(at, { key: "limit", value: "1" });
  await (await suite.api).publish(at, "first");
  const page = await suite.open(address(at));
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
  const at = await application();
  const page = await suite.open(address(at));
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

test("S32: leaving unsaved edits asks, and a reload and a new sign-in offer them again", async () => {
  const at = await application();
  await (await suite.api).setItem(at, { key: "limit", value: "100" });
  const page = await suite.open(address({ ...at, ns: "" }));
  await page.getByRole("link", { name: "application" }).click();
  await page.getByRole("button", { name: "limit", exact: true }).click();
  await page.getByRole("dialog").getByLabel("Value", { exact: true }).fill("never saved");
  await page.goBack();
  await page.getByRole("dialog", { name: "Leave without saving?" }).getByRole("button", { name: "Stay here" }).click();
  await expect.poll(() => page.getByLabel("Value", { exact: true }).inputValue()).toBe("never saved");
  page.on("dialog", (dialog) => void dialog.accept());
  await page.context().clearCookies();
  await page.reload();
  await page.getByLabel("User name").fill("apollo");
  await page.getByLabel("Password", { exact: true }).fill("correct horse battery staple");
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Restore", exact: true }).click();
  await expect.poll(() => page.getByLabel("Value", { exact: true }).inputValue()).toBe("never saved");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved limit.").waitFor();
  expect(await (await suite.api).items(at)).toMatchObject([{ key: "limit", value: "never saved" }]);
});

test("S40: of two windows that edit a key, the second one is shown both values", async () => {
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  await api.setItem(at, { key: "other", value: "1" });
  const page = await suite.open(address(at));
  await page.getByRole("button", { name: "limit", exact: true }).click();
  await page.getByLabel("Value", { exact: true }).fill("300");
  await api.setItem(at, { key: "limit", value: "200" });
  await page.getByRole("button", { name: "Save" }).click();
  const conflict = page.getByRole("dialog", { name: "apollo has changed the same keys" });
  await conflict.getByText("200").waitFor();
  await expect.poll(() => conflict.locator("code").allTextContents()).toEqual(["100", "300", "200"]);
  await conflict.locator("label", { hasText: "Stored now" }).getByText("apollo").waitFor();
  expect(await api.items(at)).toMatchObject([{ key: "limit", value: "200" }, { key: "other" }]);
  const save = async () => {
    await conflict.getByRole("radio", { name: "Yours" }).check();
    await conflict.getByRole("button", { name: "Save the chosen values" }).click();
  };
  // What is stored while the dialog is open is shown as well, not overwritten.
  await api.setItem(at, { key: "limit", value: "250" });
  await save();
  await conflict.getByText("250").waitFor();
  await expect.poll(() => conflict.locator("code").allTextContents()).toEqual(["200", "300", "250"]);
  await save();
  await page.getByText("Saved limit.").waitFor();
  expect(await api.items(at)).toMatchObject([{ key: "limit", value: "300" }, { key: "other" }]);
});

test("where the stored value is kept in a conflict, the page reports that nothing was changed", async () => {
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  const page = await suite.open(address(at));
  await page.getByRole("button", { name: "limit", exact: true }).click();
  await page.getByLabel("Value", { exact: true }).fill("300");
  await api.setItem(at, { key: "limit", value: "200" });
  await page.getByRole("button", { name: "Save" }).click();
  const conflict = page.getByRole("dialog", { name: "apollo has changed the same keys" });
  await conflict.getByRole("button", { name: "Save the chosen values" }).click();
  await page.getByText("Nothing was changed.").waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Undo" }).count()).toBe(0);
  expect(await api.items(at)).toMatchObject([{ key: "limit", value: "200" }]);
});

test("an edit is shown at once, and the key can be edited again before the namespace has been read", async () => {
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  await api.publish(at);
  const page = await suite.open(address(at));
  const row = page.getByRole("row", { name: "limit" });
  await row.waitFor();
  let read = () => {};
  const isRead = new Promise<void>((done) => (read = done));
  await page.route(/namespaces\/application\?fillItemDetail/, (route) => isRead.then(() => route.continue()));
  for (const value of ["150", "200"]) {
    await row.getByRole("button", { name: "limit", exact: true }).click();
    await page.getByRole("dialog").getByLabel("Value", { exact: true }).fill(value);
    // The second save is based on an old revision, and reads the namespace before it is repeated.
    if (value === "200") read();
    await page.keyboard.press("Control+Enter");
    await row.getByText("live 100").waitFor();
    await row.getByText(value, { exact: true }).waitFor();
  }
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await expect.poll(async () => (await api.items(at))[0]?.value).toBe("200");
});

test("an edit is saved although others changed another key meanwhile, and can be undone", async () => {
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  const page = await suite.open(address(at));
  await page.getByRole("button", { name: "limit", exact: true }).click();
  await page.getByLabel("Value", { exact: true }).fill("300");
  await api.setItem(at, { key: "other", value: "1" });
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Undo" }).click();
  await page.getByText("The keys were changed.").waitFor();
  expect(await api.items(at)).toMatchObject([
    { key: "limit", value: "100" },
    { key: "other", value: "1" },
  ]);
});

test("the table is accessible in both themes and widths", async () => {
  const at = await application();
  const api = await suite.api;
  await api.setItem(at, { key: "checkout.cart.max-items", value: "100", type: 1, comment: "Raised for the winter" });
  await api.setItem(at, { key: "checkout.legacy", value: "x" });
  await api.publish(at);
  await api.setItem(at, { key: "checkout.cart.max-items", value: "150", type: 1 });
  await api.setItem(at, { key: "checkout.express", value: "true", type: 2 });
  await api.deleteItem(at, "checkout.legacy");
  const page = await suite.open(address(at));
  await page.getByRole("row", { name: "checkout.express" }).waitFor();
  await expectAccessibleInAllViews(page);
  await page.getByRole("button", { name: "checkout.express", exact: true }).click();
  await page.getByRole("dialog").waitFor();
  await expectAccessibleInAllViews(page);
});
