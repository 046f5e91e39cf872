// Keys as texts of other programs: pasted, copied and downloaded.
import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { addressOf } from "./support/api";
import { expectAccessible, useSuite } from "./support/suite";

const suite = useSuite();

test("a pasted text is previewed, saved in one step and undone", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "db.url", value: "old", comment: "kept" });
  await api.setItem(at, { key: "same", value: "1" });
  const page = await suite.open(addressOf(at));
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
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "db.pool", value: "3", type: 1 });
  await api.setItem(at, { key: "name", value: 'a "b"' });
  const page = await suite.open(addressOf(at));
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
  const at = await suite.createPlace();
  await (await suite.api).setItem(at, { key: "db pool", value: "c:\\x" });
  const page = await suite.open(addressOf(at));
  await page.getByRole("button", { name: "Copy as" }).click();
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("menuitem", { name: "Download as Properties" }).click(),
  ]);
  expect(download.suggestedFilename()).toBe("application.properties");
  expect(await readFile(await download.path(), "utf8")).toBe("db\\ pool = c:\\\\x\n");
});

test("keys are downloaded as CSV, in which nothing is a formula", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "greeting", value: 'a "b", c', comment: "您好" });
  await api.setItem(at, { key: "offset", value: "-5", type: 1 });
  await api.setItem(at, { key: "rule", value: "=1+1" });
  const page = await suite.open(addressOf(at));
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
