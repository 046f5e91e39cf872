// Edits that were kept in the browser over a reload, while somebody else changed the namespace.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import type { Place } from "./support/api";
import { useSuite } from "./support/suite";

const suite = useSuite();

/** A namespace with `limit` = 100. */
async function prepare(): Promise<Place> {
  const at = { app: await suite.createApp(), env: "DEV", cluster: "default", ns: "application" };
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  await api.setItem(at, { key: "other", value: "1" });
  return at;
}

const address = ({ app, env, cluster, ns }: Place) => `/a/${app}/c/${env}/${cluster}/${ns}`;

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
  const page = await suite.open(address(at));
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

test("a restored text is not saved over a newer value, which is shown beside it", async () => {
  const at = await prepare();
  const page = await suite.open(`${address(at)}?view=text`);
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
