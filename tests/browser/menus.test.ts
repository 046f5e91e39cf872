// Menus and lists that open over a page, while they are open.
import type { Locator, Page } from "playwright-core";
import { test } from "vitest";

import { addressOf, type Place } from "./support/api";
import { expectAccessible, NARROW, THEMES, useSuite, WIDE } from "./support/suite";

const suite = useSuite({ environments: ["DEV", "FAT"] });

async function application(): Promise<Place> {
  const at = await suite.createPlace();
  await (await suite.api).setItem(at, { key: "limit", value: "1", type: 1 });
  await (await suite.api).publish(at);
  return at;
}

/** What a dialog covers is too small a target meanwhile. */
const DIALOG = "[role=dialog]";

/** Opens it, checks it in both themes with the pointer on an entry, and closes it with Escape, which gives the focus back. */
async function check(page: Page, target: Locator, opened: Locator, part = "html"): Promise<void> {
  await target.click();
  await opened.waitFor();
  const entry = opened.locator("a, button, input").first();
  await entry.hover();
  for (const theme of THEMES) {
    await page.emulateMedia({ colorScheme: theme });
    await page.locator(`[data-mantine-color-scheme=${theme}]`).waitFor();
    await expectAccessible(page, part);
  }
  await page.keyboard.press("Escape");
  await opened.waitFor({ state: "hidden" });
  await page.waitForFunction((button) => button === document.activeElement, await target.elementHandle());
}

for (const width of [WIDE, NARROW]) {
  test(`the menus of a namespace are accessible while they are open, ${width} pixels wide`, async () => {
    const page = await suite.open(addressOf(await application()), { width });
    const button = (name: string) => page.getByRole("button", { name, exact: true });
    const menu = page.getByRole("menu");
    await page.getByRole("row", { name: "limit" }).waitFor();
    if (width === NARROW) await button("Filters and actions").click();
    await check(page, button("Copy as"), menu);
    await check(page, button("Filter by type and time"), menu);
    if (width === NARROW) await check(page, button("Sort"), menu);
    await check(page, page.getByRole("button", { name: "Account" }), menu);
    const others = page.getByRole("button", { name: /^Other / });
    for (let i = 0; i < (await others.count()); i++) {
      const name = (await others.nth(i).getAttribute("aria-label")) ?? "";
      await check(page, others.nth(i), page.getByRole("dialog", { name }), DIALOG);
    }
  });
}

test("the targets of a comparison are accessible while they are chosen", async () => {
  const { app } = await application();
  const page = await suite.open(`/a/${app}/compare`);
  await check(page, page.getByRole("button", { name: /Against|against/ }), page.getByRole("dialog"), DIALOG);
});

test("the earlier audiences of a gray release are accessible while they are open", async () => {
  const at = await application();
  const api = await suite.api;
  const branch = await api.startGray(at, { key: "limit", value: "9" });
  await api.setAudience(at, branch, ["10.0.0.2"]);
  const page = await suite.open(`${addressOf(at)}/gray?step=audience`);
  await check(page, page.getByRole("button", { name: "Use an earlier audience" }), page.getByRole("dialog"), DIALOG);
});
