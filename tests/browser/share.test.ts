// Links that show what their sender saw: scenario S33 and what is outside of the address.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { placeIn } from "./support/api";
import { useSuite } from "./support/suite";

const suite = useSuite({ environments: ["DEV", "PRO"] });

/** The message disappears after some seconds. */
async function copiedLink(page: Page, message = "The link was copied."): Promise<string> {
  await page.getByRole("button", { name: "Copy link to this view" }).click();
  await page.getByText(message, { exact: true }).waitFor();
  return page.evaluate(() => navigator.clipboard.readText());
}

/** As another user, to whom only the link is known. */
async function opened(link: string): Promise<Page> {
  return suite.open(link.replace(suite.castalia.portal, ""));
}

test("a link shows the filters of the table and of the namespaces, and the selected keys", async () => {
  const [app, api] = [await suite.createApp(), await suite.api];
  for (const key of ["cart.limit", "cart.size", "cart.rate", "name"])
    await api.setItem(placeIn(app), { key, value: "1" });
  const page = await suite.open(`/a/${app}/c/DEV/default/application?f=cart`);
  await page.getByRole("navigation", { name: "Namespaces" }).getByRole("textbox").fill("appl");
  for (const key of ["cart.limit", "cart.rate"]) await page.getByLabel(`Select ${key}`).check();
  const other = await opened(await copiedLink(page));
  await other.getByRole("group", { name: "2 keys selected" }).waitFor();
  await other.getByText("3 of 4").waitFor();
  for (const [key, isSelected] of [
    ["cart.limit", true],
    ["cart.size", false],
    ["cart.rate", true],
  ] as const) {
    await expect.poll(() => other.getByLabel(`Select ${key}`).isChecked(), { message: key }).toBe(isSelected);
  }
  await expect
    .poll(() => other.getByRole("navigation", { name: "Namespaces" }).getByRole("textbox").inputValue())
    .toBe("appl");
  // The address does not bring back what was selected before.
  await other.getByRole("button", { name: "Clear selection" }).click();
  await other.reload();
  await other.getByText("3 of 4").waitFor();
  await expect.poll(() => other.getByRole("group", { name: /selected/ }).count()).toBe(0);
});

test("a link selects all of many keys, but names only as many as fit into an address", async () => {
  const [app, api] = [await suite.createApp(), await suite.api];
  const keys = Array.from({ length: 400 }, (_, n) => `service.component.key.${n}`);
  await api.setText(placeIn(app), keys.map((key) => `${key} = 1`).join("\n"));
  const page = await suite.open(`/a/${app}/c/DEV/default/application`);
  await page.getByLabel("Select all shown keys").check();
  const link = await copiedLink(page);
  expect(link.length).toBeLessThan(200);
  await (await opened(link)).getByRole("group", { name: "400 keys selected" }).waitFor();
  await page.getByLabel("Select service.component.key.0", { exact: true }).uncheck();
  await page.getByText("The link was copied.", { exact: true }).waitFor({ state: "detached" });
  const message = "The link was copied without the selection, which is too long for a link.";
  expect(await copiedLink(page, message)).not.toContain("sel=");
});

test("a link shows the cells that were chosen in a comparison", async () => {
  const [app, api] = [await suite.createApp(), await suite.api];
  for (const key of ["a", "b"]) {
    await api.setItem(placeIn(app, "DEV"), { key, value: "1" });
    await api.setItem(placeIn(app, "PRO"), { key, value: "2" });
  }
  for (const env of ["DEV", "PRO"]) await api.publish(placeIn(app, env));
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`);
  const box = (page: Page, key: string) => page.getByRole("gridcell", { name: `${key} in PRO` }).getByRole("checkbox");
  await box(page, "b").check();
  const other = await opened(await copiedLink(page));
  await other.getByText("1 cell to promote").waitFor();
  await expect.poll(() => box(other, "a").isChecked()).toBe(false);
  await expect.poll(() => box(other, "b").isChecked()).toBe(true);
});
