// A gray release that several people change at once, in production: what is published and merged is
// what was shown.
import { expect, test } from "vitest";

import { grayAddressOf, namespacePath, type Place } from "./support/api";
import { NARROW, useSuite } from "./support/suite";

const suite = useSuite({ environments: ["PRO"] });

/** An app whose `timeout` is 3000, published. */
async function prepare(): Promise<Place> {
  const place = await suite.createPlace({ env: "PRO" });
  const api = await suite.api;
  await api.setItem(place, { key: "timeout", value: "3000" });
  await api.publish(place);
  return place;
}

/** Starts a gray release with `timeout` = 4500; returns the place of its branch. */
const start = async (place: Place) => (await suite.api).startGray(place, { key: "timeout", value: "4500" });

const CHANGED = "Someone else has changed this in the meantime.";

test("the gray values that somebody else changes are shown without a reload", async () => {
  const place = await prepare();
  const branch = await start(place);
  const page = await suite.openLive(`${grayAddressOf(place)}?step=change`);
  await page.getByRole("cell", { name: "4500" }).waitFor();
  await (await suite.api).setItem(branch, { key: "timeout", value: "4600" });
  await page.getByRole("cell", { name: "4600" }).waitFor();
});

test("an edit of a gray value that somebody else has changed meanwhile shows both values", async () => {
  const place = await prepare();
  const branch = await start(place);
  const page = await suite.openLive(`${grayAddressOf(place)}?step=change`);
  await page.getByRole("button", { name: "Edit timeout" }).click();
  await page.getByLabel("Value", { exact: true }).fill("4700");
  const api = await suite.api;
  await api.setItem(branch, { key: "timeout", value: "4600" });
  // The page behind the dialog shows it already.
  await page.getByText("4600").first().waitFor({ state: "attached" });
  await page.getByRole("button", { name: "Save" }).click();
  const conflict = page.getByRole("dialog", { name: "apollo has changed the same keys" });
  await expect.poll(() => conflict.locator("code").allTextContents()).toEqual(["4500", "4700", "4600"]);
  expect(await api.items(branch)).toMatchObject([{ key: "timeout", value: "4600" }]);
  await conflict.getByRole("radio", { name: "Yours" }).check();
  await conflict.getByRole("button", { name: "Save the chosen values" }).click();
  await page.getByRole("cell", { name: "4700" }).waitFor();
});

test("a gray publish of values that were changed after the question is refused", async () => {
  const place = await prepare();
  const branch = await start(place);
  await (await suite.api).setAudience(place, branch, ["10.0.0.1"]);
  const page = await suite.openLive(`${grayAddressOf(place)}?step=observe`);
  await page.getByRole("button", { name: "Publish gray release" }).click();
  const dialog = page.getByRole("dialog", { name: "Publish to production PRO" });
  const publish = dialog.getByRole("button", { name: "Publish gray release" });
  await publish.waitFor();
  const api = await suite.api;
  await api.setItem(branch, { key: "timeout", value: "4600" });
  await publish.click();
  await dialog.getByText(CHANGED).waitFor();
  expect(await api.call("GET", `${namespacePath(branch)}/releases/latest`)).toBeNull();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("region", { name: "timeout" }).getByText("4600").waitFor();
  await page.getByRole("button", { name: "Publish gray release" }).click();
  await publish.click();
  await dialog.waitFor({ state: "detached" });
  await expect.poll(() => suite.served(place, "10.0.0.1"), { timeout: 90_000 }).toEqual({ timeout: "4600" });
});

test("a release to all of values that were changed after the question is refused", async () => {
  const place = await prepare();
  const branch = await start(place);
  const page = await suite.openLive(`${grayAddressOf(place)}?step=finish`);
  const release = async (key: string, value: string, at: Place) => {
    await page.getByRole("button", { name: /^Release to all \d/ }).click();
    const dialog = page.getByRole("dialog", { name: "Release to all" });
    await dialog.waitFor();
    await api.setItem(at, { key, value });
    if (at === place) await api.publish(at);
    await dialog.getByRole("button", { name: "Release to all of PRO" }).click();
    await dialog.getByText(CHANGED).waitFor();
    await dialog.getByRole("button", { name: "Cancel" }).click();
  };
  const api = await suite.api;
  await release("timeout", "4600", branch);
  await page.getByRole("region", { name: "timeout" }).getByText("4600").waitFor();
  await release("other", "1", place);
  expect(await api.items(place)).toMatchObject([
    { key: "timeout", value: "3000" },
    { key: "other", value: "1" },
  ]);
});

test("an audience that is entered for one cluster is not shown in another one", async () => {
  const place = await prepare();
  const api = await suite.api;
  await api.createCluster(place.app, "PRO", "fra1");
  const other = { ...place, cluster: "fra1" };
  for (const at of [place, other]) await start(at);
  // Both places have been read before.
  const page = await suite.open(grayAddressOf(other), { width: NARROW });
  const ips = page.getByLabel("IP addresses");
  const choose = (at: Place) =>
    page.getByRole("combobox", { name: "Environment and cluster" }).selectOption(`PRO / ${at.cluster}`);
  const isShown = async (at: Place) => {
    await page.waitForURL(`**${grayAddressOf(at)}`);
    await ips.waitFor();
  };
  await ips.waitFor();
  await choose(place);
  await isShown(place);
  await ips.fill("10.9.9.9");
  await choose(other);
  const question = page.getByRole("dialog", { name: "Leave without saving?" });
  await question.getByRole("button", { name: "Leave", exact: true }).click();
  await isShown(other);
  await expect.poll(() => ips.inputValue()).toBe("");
});

// X143
test("an audience that is entered stays when somebody else stores another one, and is saved over that", async () => {
  const place = await prepare();
  const branch = await start(place);
  // An address without a step: the first one that is not done.
  const page = await suite.openLive(grayAddressOf(place));
  await page.getByLabel("IP addresses").fill("10.9.9.9");
  const api = await suite.api;
  await api.setAudience(place, branch, ["10.0.0.1"]);
  await page.getByRole("button", { name: "Keep mine" }).click();
  await page.getByRole("button", { name: "Save audience" }).click();
  await page.getByRole("button", { name: "Publish gray release" }).waitFor();
  const rules = await api.call("GET", `${namespacePath(place)}/branches/${branch.cluster}/rules`);
  expect(rules).toMatchObject({ ruleItems: [{ clientIpList: ["10.9.9.9"] }] });
});
