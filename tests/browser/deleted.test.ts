// What was deleted is listed and comes back: namespaces and clusters in the settings of their app, apps in the
// administration.
import { expect, test } from "vitest";

import type { Place } from "./support/api";
import { expectAccessible, NARROW, useSuite } from "./support/suite";

const suite = useSuite();

async function published(ns = "application"): Promise<Place> {
  const at = await suite.createPlace({ ns });
  const api = await suite.api;
  if (ns !== "application") await api.createNamespace(at.app, ns);
  await api.setItem(at, { key: "limit", value: "100" });
  await api.publish(at);
  return at;
}

test("a namespace that was deleted comes back with its keys", async () => {
  const at = await published("other");
  const api = await suite.api;
  const page = await suite.open(`/a/${at.app}/settings/namespaces`);
  await page.getByRole("button", { name: "Delete other" }).click();
  await page.getByText("It can be restored within 30 days.").waitFor();
  await page.getByLabel("Type other to confirm").fill("other");
  await page.getByRole("dialog").getByRole("button", { name: "Delete namespace" }).click();
  await page.getByRole("button", { name: "Delete other" }).waitFor({ state: "detached" });
  await page.getByRole("link", { name: "Deleted", exact: true }).click();
  await page.getByRole("row", { name: /Namespace other.*All environments/ }).waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Restore other" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("with the rights that people had on it").waitFor();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Restore other" }).click();
  await page.getByText("other is restored.").waitFor();
  await page.getByText("Nothing was deleted lately.").waitFor();
  expect(await api.items(at)).toMatchObject([{ key: "limit", value: "100" }]);
});

test("a cluster comes back, on a narrow screen too", async () => {
  const at = { ...(await published()), cluster: "fra1" };
  const api = await suite.api;
  await api.createCluster(at.app, "DEV", "fra1");
  await api.setItem(at, { key: "limit", value: "200" });
  await api.call("DELETE", `envs/DEV/apps/${at.app}/clusters/fra1`);
  const page = await suite.open(`/a/${at.app}/settings/deleted`, { width: NARROW });
  await page.getByRole("button", { name: "Restore fra1" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restore fra1" }).click();
  await page.getByText("Nothing was deleted lately.").waitFor();
  expect(await api.items(at)).toMatchObject([{ key: "limit", value: "200" }]);
});

test("the name of something that was restored may be in use again", async () => {
  const at = await published("other");
  const api = await suite.api;
  await api.call("DELETE", `apps/${at.app}/appnamespaces/other`);
  const page = await suite.open(`/a/${at.app}/settings/deleted`);
  await page.getByRole("button", { name: "Restore other" }).waitFor();
  await api.createNamespace(at.app, "other");
  await page.getByRole("button", { name: "Restore other" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Restore other" }).click();
  await page.getByRole("dialog").getByText("already", { exact: false }).first().waitFor();
  expect(await api.items(at)).toEqual([]);
});

test("an app comes back from the administration", async () => {
  const at = await published();
  const api = await suite.api;
  const page = await suite.open(`/a/${at.app}/settings/danger`);
  await page.getByRole("button", { name: "Delete this app…" }).click();
  await page.getByText("can restore the app within 30 days").waitFor();
  await page.getByLabel(`Type ${at.app} to confirm`).fill(at.app);
  await page.getByRole("dialog").getByRole("button", { name: "Delete app" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  await page.goto("/admin/deleted");
  await page.getByRole("row", { name: new RegExp(at.app) }).waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: `Restore ${at.app}` }).click();
  await page
    .getByRole("dialog")
    .getByRole("button", { name: `Restore ${at.app}` })
    .click();
  await page.waitForURL((url) => url.pathname.startsWith(`/a/${at.app}`));
  await page.getByRole("heading", { name: "Environments" }).waitFor();
  expect(await api.items(at)).toMatchObject([{ key: "limit", value: "100" }]);
});

test("nothing is listed for others than administrators of the app", async () => {
  const at = await published();
  const { user } = await suite.as("u1");
  const page = await suite.open(`/a/${at.app}/settings/deleted`, { as: user });
  await page.getByText("Only administrators of the app can see this.").waitFor();
});
