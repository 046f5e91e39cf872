// Apps and their namespaces in several environments, one of them unreachable: scenarios S4, S5, S6,
// S24, S26 and S31.
import { expect, test } from "vitest";

import { addressOf, placeIn } from "./support/api";
import { expectAccessible, useSuite } from "./support/suite";

const suite = useSuite({
  environments: ["DEV", "PRO"],
  offline: ["UAT"],
  variables: { CONFIGVIEW_MEMBERONLY_ENVS: "PRO" },
});

test("the namespaces of an app are listed by name, numbers by their value", async () => {
  const app = await suite.createApp();
  for (const name of ["rules-10", "rules-2", "billing"]) await (await suite.api).createNamespace(app, name);
  const page = await suite.open(`/a/${app}`);
  const links = page.getByRole("region", { name: "Namespaces" }).getByRole("listitem").getByRole("link");
  await links.nth(3).waitFor();
  const names = ["application", "billing", "rules-2", "rules-10"];
  await expect.poll(() => links.allInnerTexts()).toEqual(names);
  await page.goto(`/a/${app}/c/DEV/default`);
  const panel = page.getByRole("navigation", { name: "Namespaces" }).getByRole("listitem").getByRole("link");
  await expect.poll(() => panel.allInnerTexts()).toEqual(names.map((name) => expect.stringContaining(name)));
});

test("the page of an app marks the clusters with unpublished changes in each environment, at once", async () => {
  const [app, api] = [await suite.createApp(), await suite.api];
  await api.setItem(placeIn(app, "PRO"), { key: "limit", value: "1" });
  const page = await suite.openLive(`/a/${app}`);
  const of = (env: string) =>
    page.getByRole("region", { name: "Environments" }).getByRole("listitem").filter({ hasText: env });
  await of("PRO").getByText("Unpublished").waitFor();
  await expect.poll(() => of("DEV").getByText("Unpublished").count()).toBe(0);
  await api.setItem(placeIn(app, "DEV"), { key: "limit", value: "1" });
  await of("DEV").getByText("Unpublished").waitFor();
  await api.publish(placeIn(app, "DEV"));
  await of("DEV").getByText("Unpublished").waitFor({ state: "detached" });
  await expectAccessible(page);
});

test("S4: a new app has its namespace in each environment, and each outcome is reported", async () => {
  await suite.as("second");
  const page = await suite.open("/new");
  await page.getByLabel("App id").fill("orders");
  await page.getByLabel("App name").fill("Orders");
  await page.getByLabel("More administrators").fill("second");
  await page.getByRole("button", { name: "Create app" }).click();
  await page.getByRole("heading", { name: "Orders", exact: true }).waitFor();
  const outcome = (env: string) =>
    page.getByRole("region", { name: "Results" }).getByRole("listitem").filter({ hasText: env });
  for (const env of ["DEV", "PRO"]) await outcome(env).filter({ hasText: "Done" }).waitFor();
  await outcome("UAT").filter({ hasText: "Failed" }).waitFor();
  const api = await suite.as("second");
  for (const env of ["DEV", "PRO"]) expect(await api.items(placeIn("orders", env))).toEqual([]);
});

test("environments that will receive a new app later are named", async () => {
  const page = await suite.open("/new");
  await page.route("**/openapi/v1/apps", async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, headers: { ...response.headers(), "castalia-pending-environments": "PRO,UAT" } });
  });
  await page.getByLabel("App id").fill("later");
  await page.getByLabel("App name").fill("Later");
  await page.getByRole("button", { name: "Create app" }).click();
  await page.getByText("Saved. PRO, UAT cannot be reached and will receive it later.").waitFor();
});

test("S5: an id that exists is named beside its field, and the input is kept", async () => {
  const app = await suite.createApp();
  const page = await suite.open("/new");
  await page.getByLabel("App name").fill("Kept");
  await page.getByLabel("App id").fill(app);
  await page.getByText("An app with this id exists already.").waitFor();
  await page.getByRole("button", { name: "Create app" }).click();
  await expect.poll(() => page.getByLabel("App name").inputValue()).toBe("Kept");
  await expect.poll(() => page.getByLabel("App id").inputValue()).toBe(app);
});

test("S6: a key is added in two environments at once, and an outcome that fails is named", async () => {
  const app = await suite.createApp();
  const api = await suite.api;
  const page = await suite.open(addressOf(placeIn(app, "DEV")));
  await page.getByRole("button", { name: "Add key" }).click();
  const form = page.getByRole("dialog", { name: "Add key" });
  await form.getByLabel("Key").fill("limit");
  await form.getByLabel("Value").fill("100");
  await form.getByRole("checkbox", { name: "PRO / default" }).check();
  await form.getByRole("button", { name: "Add key" }).click();
  const results = page.getByRole("dialog", { name: "Added in DEV / default" });
  await results.getByText("1 of 1 done").waitFor();
  await results.getByRole("button", { name: "Close" }).last().click();
  for (const env of ["DEV", "PRO"]) {
    expect((await api.items(placeIn(app, env))).map(({ key, value }) => `${key}=${value}`)).toEqual(["limit=100"]);
    await page.goto(addressOf(placeIn(app, env)));
    await page.getByText("1 unpublished change in application").waitFor();
  }
});

test("S24: an outsider sees the names of private namespaces of a member-only environment as hidden", async () => {
  const app = await suite.createApp();
  await (await suite.api).setItem(placeIn(app, "PRO"), { key: "secret", value: "1" });
  await suite.as("outsider");
  const page = await suite.open(`/a/${app}/c/PRO/default`, { as: "outsider" });
  const list = page.getByRole("navigation", { name: "Namespaces" });
  await list.getByRole("heading", { name: "Hidden from you" }).waitFor();
  await list.getByRole("link", { name: "application" }).click();
  await page.getByRole("heading", { name: "application" }).waitFor();
  await expect.poll(() => page.getByText("secret").count()).toBe(0);
});

test("S26: an associated namespace shows effective values with their origin, and overrides them", async () => {
  const owner = await suite.createApp();
  const app = await suite.createApp();
  const api = await suite.api;
  const shared = `shared-${owner}`;
  await api.createNamespace(owner, shared, "properties", true);
  const parent = placeIn(owner, "DEV", shared);
  for (const key of ["host", "port"]) await api.setItem(parent, { key, value: `of ${key}` });
  await api.publish(parent);
  await api.setItem(parent, { key: "unpublished", value: "1" });

  const page = await suite.open(`/a/${app}/c/DEV/default`);
  await page.getByRole("link", { name: "New namespace" }).click();
  await page.getByRole("radio", { name: "Associate a public namespace of another app" }).check();
  await page.getByLabel("Namespace", { exact: true }).selectOption(shared);
  await expectAccessible(page);
  await page.getByRole("button", { name: "Associate" }).click();
  await page.getByRole("button", { name: `Open ${shared}` }).click();
  const row = (key: string) => page.getByRole("row", { name: key });
  await row("host")
    .filter({ hasText: `from ${owner}` })
    .waitFor();
  await expect.poll(() => row("unpublished").count()).toBe(0);
  await row("port").hover();
  await row("port").getByRole("button", { name: "Override port" }).click();
  const form = page.getByRole("dialog", { name: "Add key" });
  await expect.poll(() => form.getByLabel("Value").inputValue()).toBe("of port");
  await form.getByLabel("Value").fill("own");
  await form.getByRole("button", { name: "Add key" }).click();
  await row("port")
    .filter({ hasText: `overrides ${owner}: of port` })
    .waitFor();
  expect((await api.items(placeIn(app, "DEV", shared))).map(({ key, value }) => `${key}=${value}`)).toEqual([
    "port=own",
  ]);
  await expectAccessible(page);
  await row("port").hover();
  await row("port").getByRole("button", { name: "Remove the override of port" }).click();
  await page.getByRole("button", { name: "Delete key" }).click();
  await row("port")
    .filter({ hasText: `from ${owner}` })
    .waitFor();
});

test("a namespace of the app is created with the suffix of its format, and opened", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/a/${app}/settings/namespaces`);
  await page.getByRole("link", { name: "New namespace" }).click();
  await page.getByLabel("Name", { exact: true }).fill("two words");
  await page.getByLabel("Format").selectOption("yaml");
  await page.getByRole("button", { name: "Create namespace" }).click();
  await expect.poll(() => page.getByLabel("Name", { exact: true }).getAttribute("aria-invalid")).toBe("true");
  await page.getByLabel("Name", { exact: true }).fill("rules");
  await page.getByRole("button", { name: "Create namespace" }).click();
  await page.getByRole("heading", { name: "rules.yaml" }).waitFor();
  for (const env of ["DEV", "PRO"]) expect(await (await suite.api).items(placeIn(app, env, "rules.yaml"))).toEqual([]);
});

test("S31: an unreachable environment is named with its error, and the others are fully usable", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/a/${app}`);
  await page.getByRole("listitem").filter({ hasText: "UAT" }).filter({ hasText: "offline" }).first().waitFor();
  await page.goto(addressOf(placeIn(app, "DEV")));
  await expect.poll(() => page.getByRole("radio", { name: "UAT" }).isDisabled()).toBe(true);
  await page.getByRole("button", { name: "Add key" }).click();
  const form = page.getByRole("dialog", { name: "Add key" });
  await form.getByLabel("Key").fill("limit");
  await form.getByRole("button", { name: "Add key" }).click();
  await page.getByRole("link", { name: "Review and publish" }).click();
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
});
