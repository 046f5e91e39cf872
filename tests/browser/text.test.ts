// The text view of a namespace: scenarios S10, S11 and S12.
import { readFile } from "node:fs/promises";

import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { addressOf } from "./support/api";
import { expectAccessible, NARROW, THEMES, useSuite, watchCalls } from "./support/suite";

const suite = useSuite();

/** Replaces the text in the editor as a user would. */
async function type(page: Page, text: string): Promise<void> {
  await page.getByRole("textbox", { name: "Text of" }).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText(text);
}

test("S10: both lines of a repeated key are marked before anything is saved", async () => {
  const at = await suite.createPlace();
  const page = await suite.open(`${addressOf(at)}?view=text`);
  await type(page, "limit = 1\nother = 2\nlimit = 3");
  const problems = page.getByRole("alert", { name: "Problems" }).getByRole("listitem");
  await problems.first().waitFor();
  await expect
    .poll(() => problems.allTextContents())
    .toEqual(["Line 1 The key occurs more than once.", "Line 3 The key occurs more than once."]);
  await expect.poll(() => page.locator(".cm-lintRange-error").count()).toBe(2);
  await page.getByRole("button", { name: "Preview and save" }).click();
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  expect(await (await suite.api).items(at)).toEqual([]);
});

test("S11: a line that is not touched keeps its value, type and comment", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "path", value: "C:\\new\\temp", comment: "Windows" });
  await api.setItem(at, { key: "lines", value: "one\ntwo" });
  await api.setItem(at, { key: "limit", value: "100", type: 1 });
  const page = await suite.open(`${addressOf(at)}?view=text`);
  await type(page, "path = C:\\\\new\\\\temp\nlines = one\\ntwo\nlimit = 150");
  await page.getByRole("button", { name: "Preview and save" }).click();
  const dialog = page.getByRole("dialog");
  await expect.poll(() => dialog.getByRole("region").count()).toBe(1);
  await dialog.getByRole("button", { name: "Save 1 change" }).click();
  await page.getByText("Saved. Clients receive it").waitFor();
  const stored = await api.items(at);
  expect(stored.map(({ key, value, type, comment }) => [key, value, type, comment])).toEqual([
    ["path", "C:\\new\\temp", 0, "Windows"],
    ["lines", "one\ntwo", 0, ""],
    ["limit", "150", 1, ""],
  ]);
});

test("comments and the order of lines are stored, and no value changes with them", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "path", value: "C:\\new" });
  await api.setItem(at, { key: "limit", value: "100", type: 1 });
  const page = await suite.open(`${addressOf(at)}?view=text`);
  await type(page, "# limits\nlimit = 100\n\npath = C:\\\\new");
  await page.getByRole("button", { name: "Preview and save" }).click();
  await page.getByText("The order of the lines").waitFor();
  await page.getByRole("button", { name: "Save 0 changes" }).click();
  await page.getByText("Saved. Clients receive it").waitFor();
  const stored = await api.items(at);
  expect(stored.map(({ key, value, type, comment }) => [key, value, type, comment])).toEqual([
    ["", "", 0, "# limits"],
    ["limit", "100", 1, ""],
    ["", "", 0, ""],
    ["path", "C:\\new", 0, ""],
  ]);
});

test("lines are swapped whatever their keys contain, with one request", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "a=b", value: "C:\\new" });
  await api.setItem(at, { key: "#x", value: " edge ", type: 1 });
  const page = await suite.open(`${addressOf(at)}?view=text`);
  await type(page, "\\#x = \\u0020edge\\u0020\na\\=b = C:\\\\new");
  await page.getByRole("button", { name: "Preview and save" }).click();
  await page.getByText("The order of the lines").waitFor();
  const calls = watchCalls(page);
  await page.getByRole("button", { name: "Save 0 changes" }).click();
  await page.getByText("Saved. Clients receive it").waitFor();
  calls.stop();
  const writes = calls.sent.filter((call) => call.method() !== "GET").map((call) => call.url().split("/").at(-1));
  // That the user is editing is announced every few seconds.
  expect(writes.filter((name) => name !== "presence")).toEqual(["changes"]);
  const stored = await api.items(at);
  expect(stored.map(({ key, value, type }) => [key, value, type])).toEqual([
    ["#x", " edge ", 1],
    ["a=b", "C:\\new", 0],
  ]);
});

test("S12: invalid YAML is reported with line and column, and is not stored", async () => {
  const at = await suite.createPlace({ ns: "pay.yml" });
  const api = await suite.api;
  await api.createNamespace(at.app, "pay", "yml");
  const page = await suite.open(addressOf(at));
  await type(page, "a:\n  b: 1\n c: 2\n");
  await page.getByRole("button", { name: "Line 3, column 2" }).waitFor();
  await page.getByRole("button", { name: "Preview and save" }).click();
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  await expect.poll(() => page.locator(".cm-activeLine").textContent()).toBe(" c: 2");
  expect(await api.items(at)).toEqual([]);
  await type(page, "a:\n  b: 1\n");
  await page.getByRole("alert", { name: "Problems" }).getByRole("listitem").waitFor({ state: "detached" });
  await page.getByRole("button", { name: "Preview and save" }).click();
  await page.getByRole("button", { name: "Save 1 change" }).click();
  await page.getByText("Saved. Clients receive it").waitFor();
  expect(await api.items(at)).toMatchObject([{ key: "content", value: "a:\n  b: 1\n" }]);
});

test.each(THEMES)("the text view is accessible in %s", async (theme) => {
  const at = await suite.createPlace({ ns: "pay.yml" });
  const api = await suite.api;
  await api.createNamespace(at.app, "pay", "yml");
  await api.setText(at, "# gateway\ngateway:\n  url: https://example.org\n  timeout: 3000\n  retry: true\n", "yml");
  const page = await suite.open(addressOf(at), { theme });
  await page.getByRole("textbox", { name: "Text of pay.yml" }).waitFor();
  await expectAccessible(page);
});

test("a text is copied and downloaded in the format of the namespace", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setText(at, "# limits\n\ndb pool = 5");
  const page = await suite.open(`${addressOf(at)}?view=text`);
  await page.getByRole("button", { name: "Copy", exact: true }).click();
  await page.getByText("Copied the text.").waitFor();
  expect(await page.evaluate(() => navigator.clipboard.readText())).toBe("# limits\n\ndb\\ pool = 5\n");
  const downloaded = async () => {
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download", exact: true }).click(),
    ]);
    return [download.suggestedFilename(), await readFile(await download.path(), "utf8")];
  };
  expect(await downloaded()).toEqual(["application.properties", "# limits\n\ndb\\ pool = 5\n"]);
  await api.createNamespace(at.app, "rules", "yml");
  const document = "a:\n  - 1 # one\n";
  await api.setText({ ...at, ns: "rules.yml" }, document, "yml");
  await page.goto(addressOf({ ...at, ns: "rules.yml" }));
  await page.getByText("# one").waitFor();
  expect(await downloaded()).toEqual(["rules.yml", document]);
});

test("a document is folded, and a text in it is found and replaced", async () => {
  const at = await suite.createPlace({ ns: "pay.yml" });
  const api = await suite.api;
  await api.createNamespace(at.app, "pay", "yml");
  await api.setText(at, "gateway:\n  timeout: 3000\nlater:\n  timeout: 3000\n", "yml");
  const page = await suite.open(addressOf(at));
  const editor = page.getByRole("textbox", { name: "Text of pay.yml" });
  await editor.getByText("timeout").first().waitFor();
  const fold = page.getByRole("button", { name: "Fold or unfold all" });
  await fold.click();
  await page.getByLabel("folded part").first().waitFor();
  await expect.poll(() => editor.getByText("timeout").count()).toBe(0);
  await fold.click();
  await editor.getByText("timeout").first().waitFor();
  await page.getByRole("button", { name: "Find and replace" }).click();
  await page.getByRole("textbox", { name: "Find", exact: true }).fill("3000");
  await page.getByRole("textbox", { name: "Replace with" }).fill("4500");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Replace all" }).click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Preview and save" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Key paths" }).click();
  const paths = dialog.getByRole("region", { name: "content" }).getByRole("listitem");
  await paths.first().waitFor();
  await expect.poll(() => paths.locator("code").allTextContents()).toEqual(["gateway.timeout", "later.timeout"]);
  await dialog.getByRole("button", { name: "Save 1 change" }).click();
  await page.getByText("Saved. Clients receive it").waitFor();
  expect((await api.items(at))[0]?.value).toBe("gateway:\n  timeout: 4500\nlater:\n  timeout: 4500\n");
});

test("the fields of the search are in the language of the page", async () => {
  const at = await suite.createPlace();
  await (await suite.api).setItem(at, { key: "limit", value: "1" });
  const page = await suite.open(`${addressOf(at)}?view=text`, { locale: "zh-CN", width: NARROW });
  await page.getByRole("button", { name: "查找和替换" }).click();
  await page.getByRole("textbox", { name: "查找", exact: true }).waitFor();
  await page.getByRole("button", { name: "全部替换" }).waitFor();
  await expectAccessible(page);
});

test("who has unsaved edits is shown to the others", async () => {
  const at = await suite.createPlace();
  const colleague = await suite.as("colleague");
  await (await suite.api).grant(at, "ModifyNamespace", colleague.user);
  const page = await suite.open(`${addressOf(at)}?view=text`);
  const other = await suite.openLive(addressOf(at), { as: colleague.user });
  await other.getByRole("heading", { name: "application" }).waitFor();
  await type(page, "limit = 1");
  await other.getByText("apollo is editing").waitFor();
  await expectAccessible(other);
  // Not to themselves.
  await expect.poll(() => page.getByText("is editing").count()).toBe(0);
});
