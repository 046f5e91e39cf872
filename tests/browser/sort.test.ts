// The order of the items of a namespace.
import { expect, test } from "vitest";

import { addressOf, type Place } from "./support/api";
import { expectAccessibleInAllViews, NARROW, useSuite } from "./support/suite";

const suite = useSuite();

/** The stored order is limit (9), name (shop), limit10 (-1); nothing is published. */
async function items(): Promise<Place> {
  const at = await suite.createPlace();
  await (await suite.api).setText(at, "limit9 = 9\nname = shop\nlimit10 = -1\n");
  return at;
}

test("the heads of the table order it, by keyboard too, and the address keeps the order", async () => {
  const page = await suite.open(addressOf(await items()));
  const head = (name: string) => page.getByRole("columnheader", { name });
  const keys = () => page.locator("[data-index] button:not([aria-label])").allTextContents();
  const sort = () => new URL(page.url()).searchParams.get("sort");
  await expect.poll(async () => (await keys()).length).toBe(3);
  const stored = await keys();
  await head("Key").getByRole("button").click();
  await page.locator("[aria-sort=ascending]", { hasText: "Key" }).waitFor();
  await expect.poll(() => keys()).toEqual(["limit9", "limit10", "name"]);
  await page.keyboard.press("Enter");
  await page.locator("[aria-sort=descending]", { hasText: "Key" }).waitFor();
  await expect.poll(() => keys()).toEqual(["name", "limit10", "limit9"]);
  await head("Value").getByRole("button").click();
  await page.locator("[aria-sort=ascending]", { hasText: "Value" }).waitFor();
  await expect.poll(() => keys()).toEqual(["limit10", "limit9", "name"]);
  // A filter keeps the order, and a reload both.
  await page.getByRole("textbox", { name: "Key, value, comment, person" }).fill("limit");
  await page.getByText("2 of 3").waitFor();
  await page.reload();
  await page.getByText("2 of 3").waitFor();
  await expect.poll(() => keys()).toEqual(["limit10", "limit9"]);
  await expect.poll(sort).toBe("value");
  await expectAccessibleInAllViews(page);
  await page.getByRole("textbox", { name: "Key, value, comment, person" }).fill("");
  await head("Value").getByRole("button").click();
  await page.locator("[aria-sort=descending]", { hasText: "Value" }).waitFor();
  await head("Value").getByRole("button").click();
  await page.locator("[aria-sort]").waitFor({ state: "detached" });
  await expect.poll(() => keys()).toEqual(stored);
  await expect.poll(sort).toBeNull();
});

test("an edited row stays where it is and keeps the focus, until the filter changes", async () => {
  const at = await items();
  await (await suite.api).publish(at);
  const page = await suite.open(addressOf(at));
  const keys = () => page.locator("[data-index] button:not([aria-label])").allTextContents();
  const row = page.getByRole("row", { name: "limit10" });
  // The head names the release, which may be known after the rows, and move them.
  await page.getByRole("main").getByText("test", { exact: true }).first().waitFor();
  await row.focus();
  const top = () => row.evaluate((one) => one.getBoundingClientRect().top);
  const before = await top();
  for (const value of ["5", "6"]) {
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByLabel("Value", { exact: true }).fill(value);
    await page.keyboard.press("Control+Enter");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await row.getByText(value, { exact: true }).waitFor();
    await expect.poll(() => row.evaluate((one) => one.contains(document.activeElement))).toBe(true);
    await expect.poll(() => keys()).toEqual(["limit9", "name", "limit10"]);
    // What is reported does not move it either: both are read at once.
    const report = page.getByText("Saved limit10.");
    await report.waitFor();
    const found = await row.evaluate(
      (one, said) => ({ top: one.getBoundingClientRect().top, isReported: said?.checkVisibility() }),
      await report.elementHandle(),
    );
    expect(found).toEqual({ top: before, isReported: true });
  }
  const filter = page.getByRole("textbox", { name: "Key, value, comment, person" });
  await filter.fill("limit");
  await page.getByText("2 of 3").waitFor();
  await expect.poll(() => keys()).toEqual(["limit10", "limit9"]);
});

test("narrow screens have a menu for the order", async () => {
  const page = await suite.open(addressOf(await items()), { width: NARROW });
  await page.getByRole("button", { name: "Filters and actions" }).click();
  await page.getByRole("button", { name: "Sort" }).click();
  await page.getByRole("menuitemradio", { name: "Key, descending" }).click();
  await page.locator("[data-index='0']", { hasText: "name" }).waitFor();
  await expect.poll(() => new URL(page.url()).searchParams.get("sort")).toBe("-key");
  await page.getByRole("menuitemradio", { name: "Key, descending", checked: true }).waitFor();
});
