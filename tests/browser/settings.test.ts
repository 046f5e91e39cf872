// Settings of an app: access keys (S27), import (S33), clusters, namespaces and deletion.
import { readFile } from "node:fs/promises";

import { expect, test } from "vitest";

import { placeIn } from "./support/api";
import { expectAccessible, expectAccessibleInAllViews, useSuite } from "./support/suite";

const suite = useSuite();

test("S27: each change of an access key shows its consequence, and the secret is masked until it is revealed", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/a/${app}/settings/keys`);
  await page.getByRole("button", { name: "Create key" }).click();
  await page.getByText("The key is created and off.").waitFor();
  const api = await suite.api;
  const keys = () =>
    api.call<{ secret: string; enabled: boolean; mode: number }[]>("GET", `apps/${app}/envs/DEV/accesskeys`);
  const secret = (await keys())[0]?.secret ?? "";
  await expect.poll(() => page.getByText(secret).count()).toBe(0);
  await page.getByRole("button", { name: "Show the secret" }).click();
  await page.getByText(secret).waitFor();

  await page.getByText("Observe", { exact: true }).click();
  await page.getByRole("dialog").getByText("No request is rejected.").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Observe signatures" }).click();
  await page.getByText("The key is observed in DEV").waitFor();
  await expect.poll(() => keys()).toMatchObject([{ enabled: true, mode: 1 }]);

  await page.getByText("Enforce", { exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("are rejected and receive no configuration").waitFor();
  // The name of the environment is needed.
  await dialog.getByRole("button", { name: "Enforce signatures" }).click();
  await dialog.getByText("This is another name.").waitFor();
  await dialog.getByLabel("Type DEV to confirm").fill("DEV");
  await dialog.getByRole("button", { name: "Enforce signatures" }).click();
  await page.getByText("The key is enforced in DEV").waitFor();
  await expect.poll(() => keys()).toMatchObject([{ enabled: true, mode: 0 }]);
  await expect.poll(() => page.getByRole("button", { name: "Delete key" }).isDisabled()).toBe(true);

  await page.getByText("Off", { exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Turn the key off" }).click();
  await page.getByText("The key is off.").waitFor();
  await page.getByRole("button", { name: "Delete key" }).click();
  await page.getByRole("dialog").getByText("cannot be restored").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Delete key" }).click();
  await page.getByText("The key is deleted.").waitFor();
  await expect.poll(() => keys()).toEqual([]);
});

test("before a key is enforced, the clients that would be rejected are listed", async () => {
  const app = await suite.createApp();
  const api = await suite.api;
  const keys = `apps/${app}/envs/DEV/accesskeys`;
  const { id } = await api.call<{ id: number }>("POST", keys);
  const page = await suite.open(`/a/${app}/settings/keys`);
  await page.getByText("Enforce", { exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Nothing was observed yet: observe first").waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();
  await api.call("PUT", `${keys}/${id}/activation?mode=1`);
  await page.reload();
  await page.getByText("No unsigned client was observed in the last 24 h").waitFor();
  // The config service learns of the key a moment later.
  const unsigned = async () => {
    await suite.served(placeIn(app), "10.0.0.7");
    return api.call(`GET`, `${keys}/unsigned`);
  };
  await expect.poll(unsigned, { interval: 200 }).toMatchObject({ count: 1 });
  await page.reload();
  const summary = "1 client sent unsigned requests in the last 24 h";
  await page.getByText(summary).click();
  await page.getByText("10.0.0.7").waitFor();
  await expectAccessibleInAllViews(page);
  await page.getByText("Enforce", { exact: true }).click();
  await dialog.getByText(summary).waitFor();
  await dialog.getByText("10.0.0.7").waitFor();
  await expectAccessible(page);
  // What is not known by the environment's admin service.
  await page.route("**/accesskeys/unsigned", (route) => route.fulfill({ json: { known: false } }));
  await page.reload();
  await page.getByText("It is not known which clients send unsigned requests.").waitFor();
});

test("S33: an import that keeps existing items reports each namespace", async () => {
  const app = await suite.createApp();
  const api = await suite.api;
  await api.createNamespace(app, "other");
  await api.setItem(placeIn(app), { key: "a", value: "1" });
  await api.setItem(placeIn(app, "DEV", "other"), { key: "b", value: "2" });
  const page = await suite.openLive(`/a/${app}/settings/transfer`);
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("link", { name: "Export DEV / default" }).click(),
  ]);
  await api.setItem(placeIn(app), { key: "a", value: "changed" });
  await api.deleteItem(placeIn(app, "DEV", "other"), "b");
  await page.getByLabel("Archive", { exact: true }).setInputFiles({
    name: "export.zip",
    mimeType: "application/zip",
    buffer: await readFile(await download.path()),
  });
  // The answer waits until the page has shown how far the import is.
  const shown = page.getByRole("progressbar", { name: "Progress of the import" }).waitFor();
  await page.route("**/import?*", async (route) => {
    const response = await route.fetch();
    await shown;
    await route.fulfill({ response });
  });
  await page.getByRole("button", { name: "Import into DEV / default" }).click();
  await shown;
  await page.getByRole("row", { name: /application.*kept as it is/ }).waitFor();
  await page
    .getByRole("row", { name: /other.*changed/ })
    .or(page.getByRole("row", { name: /other.*created/ }))
    .waitFor();
  expect(await api.items(placeIn(app))).toMatchObject([{ key: "a", value: "changed" }]);
  expect(await api.items(placeIn(app, "DEV", "other"))).toMatchObject([{ key: "b", value: "2" }]);
});

test("a cluster is created and, with its name typed, deleted", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/a/${app}/settings/clusters`);
  await page.getByRole("button", { name: "Add cluster" }).click();
  await page.getByRole("dialog").getByLabel("Cluster").fill("fra1");
  await page.getByRole("dialog").getByRole("button", { name: "Add cluster" }).click();
  await page.getByText("1 of 1 done").waitFor();
  await page.getByRole("dialog").getByText("Close").click();
  await page.getByRole("button", { name: "Delete DEV / fra1" }).click();
  await page.getByLabel("Type fra1 to confirm").fill("fra1");
  await page.getByRole("dialog").getByRole("button", { name: "Delete cluster" }).click();
  await page.getByRole("link", { name: "fra1" }).waitFor({ state: "detached" });
  await expect
    .poll(async () => (await suite.api).call("GET", `apps/${app}/envclusters`))
    .toEqual([{ env: "DEV", clusters: ["default"] }]);
});

test("a cluster is added from the overview of the app", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/a/${app}`);
  await page.getByRole("link", { name: "Add cluster" }).click();
  await page.getByRole("dialog").locator("input:focus").waitFor();
  await page.keyboard.type("fra1");
  await page.keyboard.press("Enter");
  await page.getByText("1 of 1 done").waitFor();
  await expectAccessible(page);
  await page.getByRole("dialog").getByText("Close").click();
  await page.getByRole("main").getByRole("link", { name: "fra1" }).waitFor();
  await expect.poll(() => new URL(page.url()).search).toBe("");
  await suite.as("reader");
  const other = await suite.open(`/a/${app}?add=cluster`, { as: "reader" });
  await other.getByRole("heading", { name: "Environments" }).waitFor();
  await expect.poll(() => other.getByRole("link", { name: "Add cluster" }).count()).toBe(0);
});

test("a namespace is deleted after its name is typed", async () => {
  const app = await suite.createApp();
  await (await suite.api).createNamespace(app, "other");
  const page = await suite.open(`/a/${app}/settings/namespaces`);
  await page.getByRole("button", { name: "Delete other" }).click();
  await page.getByText("No instance reads it").waitFor();
  await page.getByLabel("Type other to confirm").fill("other");
  await page.getByRole("dialog").getByRole("button", { name: "Delete namespace" }).click();
  await page.getByRole("button", { name: "Delete other" }).waitFor({ state: "detached" });
  const api = await suite.api;
  await expect.poll(() => api.call("GET", `apps/${app}/appnamespaces`)).toMatchObject([{ name: "application" }]);
});

test("an app is deleted by a super administrator only, after its id is typed", async () => {
  const app = await suite.createApp();
  await suite.as("reader");
  const other = await suite.open(`/a/${app}/settings/danger`, { as: "reader" });
  await other.getByText("Only super administrators can delete an app.").waitFor();
  const page = await suite.open(`/a/${app}/settings/danger`);
  await page.getByRole("button", { name: "Delete this app…" }).click();
  await page.getByLabel(`Type ${app} to confirm`).fill(app);
  await page.getByRole("dialog").getByRole("button", { name: "Delete app" }).click();
  await page.waitForURL((url) => url.pathname === "/");
  await expect((await suite.api).call("GET", `apps/${app}`)).rejects.toThrow("App not found");
});

test("the name of an app is changed", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/a/${app}/settings/general`);
  await page.getByLabel("App name").fill("Renamed");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Saved.").waitFor();
  expect(await (await suite.api).call("GET", `apps/${app}`)).toMatchObject({
    name: "Renamed",
  });
});

test("of two windows that change the name of an app, the second one is refused, also after a save of its own", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/a/${app}/settings/general`);
  const save = async (name: string) => {
    await page.getByLabel("App name").fill(name);
    await page.getByRole("button", { name: "Save" }).click();
  };
  await save("First");
  await page.getByText("Saved.").waitFor();
  await save("Second");
  await expect.poll(async () => (await suite.api).call("GET", `apps/${app}`)).toMatchObject({ name: "Second" });
  await page.getByText("Saved.").waitFor();
  const api = await suite.api;
  await api.call("PUT", `apps/${app}`, { ...(await api.call<object>("GET", `apps/${app}`)), name: "Theirs" });
  await save("Third");
  await page.getByText("Someone else has changed this in the meantime.").waitFor();
  expect(await api.call("GET", `apps/${app}`)).toMatchObject({ name: "Theirs" });
});

test("the settings are accessible in both themes and widths", async () => {
  const app = await suite.createApp();
  await (await suite.api).call("POST", `apps/${app}/envs/DEV/accesskeys`);
  const page = await suite.open(`/a/${app}/settings/general`);
  for (const title of ["General", "Clusters", "Namespaces", "Access keys", "Export and import", "Danger zone"]) {
    await page.getByRole("link", { name: title, exact: true }).click();
    await page.getByRole("heading", { name: title, level: 1 }).waitFor();
    await expect.poll(() => page.locator(".loading").count()).toBe(0);
    await expectAccessibleInAllViews(page);
  }
});

test("of many namespaces of an app, the settings show those that the filter selects", async () => {
  const app = await suite.createApp();
  const api = await suite.api;
  for (let n = 0; n < 15; n++) await api.createNamespace(app, `rules-${n}`);
  const page = await suite.open(`/a/${app}/settings/namespaces`);
  const rows = page.getByRole("main").getByRole("list").getByRole("listitem");
  await page.getByText("16 of 16").waitFor();
  await page.getByRole("searchbox", { name: "Filter namespaces" }).fill("rules-14");
  await page.getByText("1 of 16").waitFor();
  await expect.poll(() => rows.allInnerTexts()).toEqual([expect.stringContaining("rules-14")]);
  await expect.poll(() => new URL(page.url()).search).toBe("?q=rules-14");
  await page.getByRole("searchbox", { name: "Filter namespaces" }).fill("other");
  await page.getByRole("button", { name: "Clear filter" }).click();
  await page.getByText("16 of 16").waitFor();
  // A short list needs none.
  await page.goto(`/a/${app}/settings/clusters`);
  await page.getByRole("link", { name: "default", exact: true }).waitFor();
  await expect.poll(() => page.getByRole("searchbox").count()).toBe(0);
});
