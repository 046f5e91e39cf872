// Edits of a namespace that somebody else changes meanwhile, and those that are left unsaved: scenarios S32 and S40.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { addressOf, type Place } from "./support/api";
import { PASSWORD } from "./support/server";
import { useSuite } from "./support/suite";

const suite = useSuite();

/** A namespace with `limit` = 100. */
async function prepare(): Promise<Place> {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  await api.setItem(at, { key: "other", value: "1" });
  return at;
}

/** Both values of `limit` are shown, and the newer one stays. */
async function expectConflict(page: Page, at: Place): Promise<void> {
  const conflict = page.getByRole("dialog", { name: "apollo has changed the same keys" });
  await conflict.getByText("200").waitFor();
  await expect.poll(() => conflict.locator("code").allTextContents()).toEqual(["100", "300", "200"]);
  expect(await (await suite.api).items(at)).toMatchObject([{ key: "limit", value: "200" }, { key: "other" }]);
  await conflict.getByRole("radio", { name: "Yours" }).check();
  await conflict.getByRole("button", { name: "Save the chosen values" }).click();
  await expect.poll(async () => (await (await suite.api).items(at))[0]?.value).toBe("300");
}

test("a restored edit is not saved over a newer value, which is shown beside it", async () => {
  const at = await prepare();
  const page = await suite.open(addressOf(at));
  await page.getByRole("button", { name: "limit", exact: true }).click();
  await page.getByLabel("Value", { exact: true }).fill("300");
  await (await suite.api).setItem(at, { key: "limit", value: "200" });
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await page.getByRole("button", { name: "Restore", exact: true }).click();
  await expect.poll(() => page.getByLabel("Value", { exact: true }).inputValue()).toBe("300");
  await page.getByRole("button", { name: "Save" }).click();
  await expectConflict(page, at);
});

test("a rearranged text whose values others have changed keeps its order after the choice", async () => {
  const at = await prepare();
  const api = await suite.api;
  const page = await suite.open(`${addressOf(at)}?view=text`);
  await page.getByRole("textbox", { name: "Text of" }).click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText("other = 1\nlimit = 300");
  await page.getByText("limit = 300").waitFor();
  await api.setItem(at, { key: "limit", value: "200" });
  await page.getByRole("button", { name: "Preview and save" }).click();
  await page.getByRole("button", { name: "Save 1 change" }).click();
  const conflict = page.getByRole("dialog", { name: "apollo has changed the same keys" });
  await conflict.getByRole("radio", { name: "Yours" }).check();
  await conflict.getByRole("button", { name: "Save the chosen values" }).click();
  await page.getByText("Saved. Clients receive it").waitFor();
  expect(await api.items(at)).toMatchObject([
    { key: "other", value: "1" },
    { key: "limit", value: "300" },
  ]);
});

test("a restored text is not saved over a newer value, which is shown beside it", async () => {
  const at = await prepare();
  const page = await suite.open(`${addressOf(at)}?view=text`);
  const editor = page.getByRole("textbox", { name: "Text of" });
  await editor.click();
  await page.keyboard.press("ControlOrMeta+a");
  await page.keyboard.press("Delete");
  await page.keyboard.insertText("limit = 300\nother = 1");
  await page.getByText("limit = 300").waitFor();
  await (await suite.api).setItem(at, { key: "limit", value: "200" });
  page.on("dialog", (dialog) => void dialog.accept());
  await page.reload();
  await page.getByText("limit = 300").waitFor();
  await page.getByRole("button", { name: "Preview and save" }).click();
  await page.getByRole("button", { name: "Save 1 change" }).click();
  await expectConflict(page, at);
});

test("S32: leaving unsaved edits asks, and a reload and a new sign-in offer them again", async () => {
  const at = await suite.createPlace();
  await (await suite.api).setItem(at, { key: "limit", value: "100" });
  const page = await suite.open(addressOf({ ...at, ns: "" }));
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
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Restore", exact: true }).click();
  await expect.poll(() => page.getByLabel("Value", { exact: true }).inputValue()).toBe("never saved");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved limit.").waitFor();
  expect(await (await suite.api).items(at)).toMatchObject([{ key: "limit", value: "never saved" }]);
});

// X127
test("what a user left unsaved is removed from the browser with the sign-out", async () => {
  const page = await suite.open("/", { as: "leaver" });
  const own = "castalia.unsaved.leaver+shop+DEV+default+application";
  const others = ["", "+item=limit"].map((form) => own.replace("leaver", "other") + form);
  const names = [own, `${own}+item=limit`, `${own}+new=1`, ...others];
  await page.evaluate((names) => names.forEach((name) => localStorage.setItem(name, "{}")), names);
  await page.getByRole("button", { name: "Account of leaver" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  const kept = await page.evaluate(() => Object.keys(localStorage).filter((name) => name.includes("unsaved")));
  expect(kept.sort()).toEqual(others);
});

test("S40: of two windows that edit a key, the second one is shown both values", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  await api.setItem(at, { key: "other", value: "1" });
  const page = await suite.open(addressOf(at));
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
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  const page = await suite.open(addressOf(at));
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
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  await api.publish(at);
  const page = await suite.open(addressOf(at));
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
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  const page = await suite.open(addressOf(at));
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
