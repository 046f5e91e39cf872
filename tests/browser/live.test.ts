// What is served now, the review that is ticked off, and the ways from one place to another.
import { expect, test } from "vitest";

import { addressOf, namespacePath } from "./support/api";
import { expectAccessible, expectAccessibleInAllViews, receiving, useSuite } from "./support/suite";

const suite = useSuite({ environments: ["DEV", "PRO"] });

test("the live view shows the release of each cluster and the gray release, with their content and receivers", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  const page = await suite.open(`${addressOf(at)}?view=live`);
  await page.getByText("Nothing is published here").first().waitFor();
  await api.setItem(at, { key: "limit", value: "100" });
  await api.setItem(at, { key: "timeout", value: "3000" });
  await api.publish(at, "first");
  await api.createCluster(at.app, "DEV", "fra1");
  const branch = await api.startGray(at, { key: "limit", value: "150" });
  await api.setAudience(at, branch, ["10.0.0.9"], ["pilot"]);
  await api.publishGray(at, branch, "trial");
  // An edit is not live.
  await api.setItem(at, { key: "limit", value: "999" });
  await page.reload();
  const releases = page.getByRole("table", { name: "Releases that DEV serves now" });
  await releases.getByRole("row", { name: "10.0.0.9, pilot" }).getByText("trial").waitFor();
  await releases.getByRole("row", { name: "fra1" }).getByText("receive the release of the default cluster").waitFor();
  // The record of the instance is stored a moment later.
  await expect
    .poll(
      async () => {
        await suite.served(at, "10.0.0.1");
        await page.reload();
        await releases.getByRole("row", { name: "default" }).first().waitFor();
        return releases.getByRole("link", { name: "1 instance" }).count();
      },
      { timeout: 60_000 },
    )
    .toBe(1);
  const content = page.getByRole("table", { name: /^Content of/ });
  await content.getByRole("row", { name: "limit" }).getByText("100").waitFor();
  await expectAccessibleInAllViews(page);
  await releases.getByRole("link", { name: "trial" }).click();
  const gray = page.getByRole("table", { name: "Content of trial" });
  await gray.getByRole("row", { name: "limit" }).getByText("150").waitFor();
  await gray.getByRole("row", { name: "limit" }).getByText("live 100").waitFor();
  await page.getByRole("searchbox", { name: "Key or value" }).fill("3000");
  await page.getByText("1 of 2").waitFor();
  await expect.poll(() => new URL(page.url()).search).toBe("?view=live&have=gray&q=3000");
  await releases.getByRole("link", { name: "1 instance" }).click();
  await page.getByText("1 of 1 instance", { exact: true }).waitFor();
});

test("an edit between the first reads of a page and the opening of its event stream is shown", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "first" });
  const page = await suite.open("/");
  let edited = () => {};
  const isEdited = new Promise<void>((resolve) => (edited = resolve));
  await page.route("**/openapi/v1/events?*", async (route) => {
    await isEdited;
    await route.continue();
  });
  await page.goto(addressOf(at));
  await page.getByRole("row", { name: "limit" }).getByText("first").waitFor();
  await api.setItem(at, { key: "limit", value: "second" });
  edited();
  await page.getByRole("row", { name: "limit" }).getByText("second").waitFor();
});

test("after a publish, the namespace shows how many instances have the release", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "1" });
  await api.publish(at, "first");
  const read = () => suite.served(at, "10.0.0.1");
  await expect.poll(read).toEqual({ limit: "1" });
  await expect.poll(() => api.call<number>("GET", `${namespacePath(at)}/instances`)).toBe(1);
  await api.setItem(at, { key: "limit", value: "2" });
  await api.publish(at, "second");
  const page = await suite.open(addressOf(at));
  await page.getByText("0 of 1 instance has it").waitFor();
  await page.getByText("10.0.0.1").waitFor();
  await expect.poll(read).toEqual({ limit: "2" });
  await page.getByText("1 of 1 instance has it").waitFor();
});

test("changes of a review are ticked as viewed; one that is edited afterwards needs a new look", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  for (const key of ["first", "second"]) await api.setItem(at, { key, value: "1" });
  const page = await suite.open(`/a/${at.app}/publish?t=DEV:default:application`);
  const second = page.getByRole("region", { name: "second" });
  await page.getByRole("region", { name: "first" }).waitFor();
  await page.keyboard.press("j");
  await page.keyboard.press("j");
  await page.keyboard.press("v");
  await page.getByText("1 of 2 viewed").waitFor();
  await expect.poll(() => second.getByRole("checkbox", { name: "Viewed" }).isChecked()).toBe(true);
  await expect.poll(() => second.locator("code").first().isVisible()).toBe(false);
  await expectAccessible(page);
  await receiving(page, () => page.reload());
  await page.getByText("1 of 2 viewed").waitFor();
  await api.setItem(at, { key: "second", value: "2" });
  await second.getByText("Changed since you viewed it").waitFor();
  await expect.poll(() => second.getByRole("checkbox", { name: "Viewed" }).isChecked()).toBe(false);
  await expect.poll(() => second.locator("code").first().isVisible()).toBe(true);
});

test("the breadcrumb leads to other apps, to the same view elsewhere, and to other namespaces", async () => {
  const at = await suite.createPlace();
  const other = await suite.createApp();
  const api = await suite.api;
  for (let n = 0; n < 14; n++) await api.createNamespace(at.app, `rules-${n}`);
  const page = await suite.open(`${addressOf(at)}?view=history`);
  await page.getByRole("button", { name: "Other environments and clusters" }).click();
  const list = (name: string) => page.getByRole("dialog", { name });
  await list("Other environments and clusters").getByRole("link", { name: "PRO / default" }).waitFor();
  // What it covers would be reported as too small.
  await expectAccessible(page, "[role=dialog]");
  await list("Other environments and clusters").getByRole("link", { name: "PRO / default" }).click();
  await page.waitForURL(`**/c/PRO/default/application?view=history`);
  // By keyboard: the filter has the focus, and the arrow leads to the only match.
  await page.getByRole("button", { name: "Other namespaces" }).press("Enter");
  await list("Other namespaces").locator("input:focus").waitFor();
  await page.keyboard.type("rules-13");
  await expect.poll(() => list("Other namespaces").getByRole("link").count()).toBe(1);
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await page.waitForURL(`**/c/PRO/default/rules-13`);
  await expect.poll(() => list("Other namespaces").count()).toBe(0);
  await page.getByRole("button", { name: "Other apps" }).click();
  await list("Other apps").getByRole("link", { name: other }).click();
  await page.waitForURL(`**/a/${other}`);
});
