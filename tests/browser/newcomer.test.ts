// The steps of Apollo's user guide, clicked through by somebody who knows Apollo: each is reached from
// the page before it, with a limited number of clicks.
import type { Locator } from "playwright-core";
import { expect, test } from "vitest";

import { placeIn } from "./support/api";
import { useSuite } from "./support/suite";

const suite = useSuite();

const APP = "newcomer";

const read = (ns: string, ip = "10.0.0.1") => suite.served(placeIn(APP, "DEV", ns), ip);

test("from a new app to an access key without a detour", async () => {
  await suite.as("colleague");
  const page = await suite.open("/");
  let clicks = 0;
  const click = async (target: Locator) => {
    clicks++;
    await target.click();
  };
  const expectClicks = (most: number) => {
    expect(clicks, page.url()).toBeLessThanOrEqual(most);
    clicks = 0;
  };
  const link = (name: string) => page.getByRole("link", { name, exact: true });
  const button = (name: string) => page.getByRole("button", { name, exact: true });
  const dialog = page.getByRole("dialog");

  // An app.
  await click(link("New app"));
  await page.getByLabel("App id", { exact: true }).fill(APP);
  await page.getByLabel("App name").fill("Newcomer");
  await click(button("Create app"));
  await page.getByRole("heading", { name: "Newcomer", exact: true }).waitFor();
  await page.getByText("Add a key to application in DEV.").waitFor();
  expectClicks(2);

  // A namespace, from the overview of the app.
  await click(link("New namespace"));
  await page.getByLabel("Name", { exact: true }).fill("limits");
  await click(button("Create namespace"));
  await page.getByRole("heading", { name: "limits" }).waitFor();
  expectClicks(2);

  // Rights in that namespace.
  await click(link("Access"));
  await expect.poll(() => page.getByRole("combobox", { name: "Namespace or clusters" }).inputValue()).toBe("limits");
  await page.getByLabel("Add a person").fill("colleague");
  await click(button("Add"));
  await click(page.getByRole("checkbox", { name: "Edit, colleague, All environments" }));
  await click(button("Save changes"));
  await page.getByText("1 of 1 done").waitFor();
  expectClicks(4);

  // A key, and its publish.
  await page.goBack();
  await click(button("Add key"));
  await dialog.getByLabel("Key").fill("timeout");
  await dialog.getByLabel("Value", { exact: true }).fill("3000");
  await click(dialog.getByRole("button", { name: "Add key" }));
  await dialog.waitFor({ state: "hidden" });
  await page.getByText("1 unpublished change in limits").waitFor();
  // Its name includes the key that does the same.
  await click(page.getByRole("link", { name: "Review and publish" }));
  await click(button("Publish to DEV"));
  await page.getByText("Published to DEV").waitFor();
  await expect.poll(() => read("limits")).toEqual({ timeout: "3000" });
  expectClicks(4);

  // A gray release.
  await click(link("Back to limits"));
  await click(link("Gray"));
  await click(button("Start gray release"));
  await page.getByLabel("Change a key of master…").selectOption("timeout");
  await page.getByLabel("Value", { exact: true }).fill("4500");
  await click(button("Save"));
  await click(button("Next: Audience"));
  await page.getByLabel("IP addresses").fill("10.0.0.9");
  await click(button("Save audience"));
  await click(button("Publish gray release"));
  await expect.poll(() => read("limits", "10.0.0.9"), { timeout: 120_000 }).toEqual({ timeout: "4500" });
  await expect.poll(() => read("limits")).toEqual({ timeout: "3000" });
  await click(button("Release to all, or abandon"));
  await click(page.getByRole("button", { name: /^Release to all .*instances?…$/ }));
  await click(button("Release to all of DEV"));
  await expect.poll(() => read("limits")).toEqual({ timeout: "4500" });
  expectClicks(10);

  // Back to the release before it.
  await click(link("Releases"));
  await click(link("Roll back to this…").first());
  await click(button("Roll back DEV"));
  await click(dialog.getByRole("button", { name: "Roll back DEV" }));
  await expect.poll(() => read("limits")).toEqual({ timeout: "3000" });
  expectClicks(4);

  // An access key.
  await click(link("Settings"));
  await click(link("Access keys"));
  await click(button("Create key"));
  await page.getByText("The key is created and off.").waitFor();
  expectClicks(3);
});
