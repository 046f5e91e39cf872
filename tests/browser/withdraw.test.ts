// Withdrawing the only release of a namespace in a cluster.
import { expect, test } from "vitest";

import { addressOf, namespacePath, type Place } from "./support/api";
import { expectAccessible, expectAccessibleInAllViews, NARROW, useSuite, WIDE } from "./support/suite";

const suite = useSuite();

/** An app with the cluster c1, whose namespace application has one release. */
async function createReleased(): Promise<Place> {
  const [app, api] = [await suite.createApp(), await suite.api];
  await api.createCluster(app, "DEV", "c1");
  const place = { app, env: "DEV", cluster: "c1", ns: "application" };
  await api.setItem(place, { key: "limit", value: "1" });
  await api.publish(place, "only");
  return place;
}

const address = (place: Place, view: string) => `${addressOf(place)}?view=${view}`;

const live = async (place: Place) =>
  (await suite.api).call<{ name: string } | null>("GET", `${namespacePath(place)}/releases/latest`);

test("the only release is withdrawn after its effect was shown and the namespace was named", async () => {
  const place = await createReleased();
  const inDefault = { ...place, cluster: "default" };
  await (await suite.api).publish(inDefault, "of the default cluster");
  const page = await suite.open(address(place, "history"));
  await page.getByRole("button", { name: "Withdraw this release…" }).click();
  const dialog = page.getByRole("dialog", { name: "Withdraw only" });
  await dialog.getByText("Clients of cluster c1 in DEV immediately receive of the default cluster").waitFor();
  for (const width of [NARROW, WIDE]) {
    await page.setViewportSize({ width, height: 900 });
    await expectAccessible(page, "[role=dialog]");
  }
  await dialog.getByRole("button", { name: "Withdraw release" }).click();
  await dialog.getByText("This is another name.").waitFor();
  expect(await live(place)).toMatchObject({ name: "only" });
  await dialog.getByLabel("Type application to confirm").fill("application");
  await dialog.getByRole("button", { name: "Withdraw release" }).click();
  await page.getByText("Nothing is published in this cluster: clients receive the release").first().waitFor();
  expect(await live(place)).toBeNull();
  // In the default cluster there is nothing to fall back to.
  await page.goto(address(inDefault, "history"));
  await page.getByRole("button", { name: "Withdraw this release…" }).click();
  await page.getByRole("dialog").getByText("they receive 404 until the next publish").waitFor();
});

test("the history shows what was withdrawn, and marks nothing as live", async () => {
  const place = await createReleased();
  const path = `/a/${place.app}/history?env=DEV&cluster=c1&ns=application`;
  const page = await suite.open(path);
  await page.getByRole("button", { name: "Withdraw this release…" }).click();
  await page.getByLabel("Type application to confirm").fill("application");
  await page.getByRole("dialog").getByRole("button", { name: "Withdraw release" }).click();
  await page.getByRole("button", { name: "Release withdrawn" }).click();
  await page.getByRole("region", { name: "limit" }).waitFor();
  await expect.poll(() => page.getByText("Live", { exact: true }).count()).toBe(0);
  await expect.poll(() => page.getByRole("button", { name: "Withdraw this release…" }).count()).toBe(0);
  await expectAccessibleInAllViews(page);
});

test("one of several releases is rolled back instead, and a gray release has to end first", async () => {
  const place = await createReleased();
  const api = await suite.api;
  const page = await suite.open(address(place, "history"));
  await api.startGray(place);
  await page.getByRole("button", { name: "Withdraw this release…" }).click();
  await page.getByText("Abandon it or release it to all clients first.").waitFor();
  await api.setItem(place, { key: "limit", value: "2" });
  await api.publish(place, "second");
  await page.reload();
  await page.getByRole("link", { name: "Roll back to this…" }).waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Withdraw this release…" }).count()).toBe(0);
});

test("a user without permission to publish is not offered to withdraw a release", async () => {
  const place = await createReleased();
  await suite.as("reader");
  const page = await suite.open(address(place, "history"), { as: "reader" });
  await page.getByText("only").first().waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Withdraw this release…" }).count()).toBe(0);
});
