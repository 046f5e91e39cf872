// Copies of a namespace and of an app.
import { expect, test } from "vitest";

import { placeIn, type Place } from "./support/api";
import { expectAccessibleInAllViews, useSuite } from "./support/suite";

const suite = useSuite({ environments: ["DEV", "FAT"], offline: ["UAT"] });

const TEXT = "# first\nname = a\\nb\n\nlimit = 100";

test("a namespace is duplicated with comments and types in the chosen clusters", async () => {
  const app = await suite.createApp();
  const api = await suite.api;
  const at = (env: string, ns: string) => placeIn(app, env, ns);
  for (const env of ["DEV", "FAT"]) {
    await api.setText(at(env, "application"), TEXT);
    await api.setItem(at(env, "application"), { key: "limit", value: "200", type: 1, comment: "why" });
  }
  const page = await suite.open(`/a/${app}/settings/namespaces`);
  await page.getByRole("button", { name: "Duplicate application" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("checkbox", { name: "FAT / default" }).uncheck();
  await expectAccessibleInAllViews(page);
  await dialog.getByLabel("Name").fill("limits");
  await dialog.getByRole("button", { name: "Duplicate" }).click();
  await dialog.getByText("1 of 1 done").waitFor();
  const shown = (items: object[]) =>
    items.map((item) => {
      const { key, value, type, comment } = item as Record<string, unknown>;
      return { key, value, type, comment };
    });
  const original = shown(await api.items(at("DEV", "application")));
  expect(original).toContainEqual({ key: "limit", value: "200", type: 1, comment: "why" });
  expect(original.some(({ comment }) => comment === "# first")).toBe(true);
  expect(shown(await api.items(at("DEV", "limits")))).toEqual(original);
  expect(await api.items(at("FAT", "limits"))).toEqual([]);
  await dialog.getByRole("link", { name: "Open limits" }).click();
  await page.getByRole("row", { name: "limit" }).waitFor();
});

test("a free name is suggested for a copy, and one that a namespace has is refused", async () => {
  const app = await suite.createApp();
  const api = await suite.api;
  const at = (ns: string) => placeIn(app, "DEV", ns);
  await api.createNamespace(app, "application-copy");
  await api.setItem(at("application"), { key: "limit", value: "100" });
  await api.setItem(at("application-copy"), { key: "limit", value: "1" });
  const page = await suite.open(`/a/${app}/settings/namespaces`);
  await page.getByRole("button", { name: "Duplicate application", exact: true }).click();
  const dialog = page.getByRole("dialog");
  await expect.poll(() => dialog.getByLabel("Name").inputValue()).toBe("application-copy-2");
  await dialog.getByLabel("Name").fill("application-copy");
  await dialog.getByRole("button", { name: "Duplicate", exact: true }).click();
  await dialog.getByText("The app has a namespace of this name already.").waitFor();
  expect(await api.items(at("application-copy"))).toMatchObject([{ key: "limit", value: "1" }]);
});

test("an app is duplicated with its clusters, namespaces and associations", async () => {
  const api = await suite.api;
  const shared = await suite.createApp();
  await api.createNamespace(shared, "shared.rules", "properties", true);
  const app = await suite.createApp();
  await api.createCluster(app, "DEV", "fra1");
  await api.createNamespace(app, "routes", "yaml");
  const association = { appId: app, env: "DEV", clusterName: "default", appNamespaceName: "shared.rules" };
  await api.call("POST", "namespaces", [association]);
  const at = (app: string, cluster: string, ns: string): Place => ({ app, env: "DEV", cluster, ns });
  await api.setItem(at(app, "default", "shared.rules"), { key: "override", value: "1" });
  await api.setItem(at(app, "fra1", "application"), { key: "limit", value: "100" });
  await api.setText(at(app, "default", "routes.yaml"), "a: 1\n", "yaml");
  const page = await suite.open(`/a/${app}/settings/general`);
  await page.getByRole("link", { name: "Duplicate…" }).click();
  await page.getByRole("heading", { name: `Duplicate ${app}` }).waitFor();
  await page.getByLabel("App id", { exact: true }).fill(`${app}-copy`);
  await expectAccessibleInAllViews(page);
  await page.getByRole("button", { name: "Create app" }).click();
  await page.getByText("3 of 3 done").waitFor();
  const values = async (cluster: string, ns: string) =>
    (await api.items(at(`${app}-copy`, cluster, ns))).map(({ key, value }) => [key, value]);
  expect(await values("default", "shared.rules")).toEqual([["override", "1"]]);
  expect(await values("fra1", "application")).toEqual([["limit", "100"]]);
  expect(await values("default", "routes.yaml")).toEqual([["content", "a: 1\n"]]);
  await page.getByRole("link", { name: `Open ${app}-copy` }).click();
  await page.getByRole("link", { name: "fra1" }).waitFor();
});
