// The start page.
import type { Response } from "playwright-core";
import { expect, test } from "vitest";

import { expectAccessibleInAllViews, useSuite } from "./support/suite";

const suite = useSuite();

test("the team's apps are those of the departments in which the user has apps", async () => {
  const api = await suite.api;
  const member = await suite.as("member");
  const app = (appId: string, orgId: string) => ({
    admins: [],
    assignAppRoleToSelf: false,
    app: { appId, name: appId, orgId, orgName: orgId, ownerName: "apollo" },
  });
  await api.call("POST", "apps", app("own", "PAY"));
  await api.call("POST", "apps", app("of-the-team", "PAY"));
  await api.call("POST", "apps", app("of-others", "FIN"));
  const page = await suite.open("/?tab=team", { as: "member" });
  await page.getByText("once you have a role").waitFor();
  await api.call("POST", `apps/own/roles/Master?userId=${member.user}`);
  await page.reload();
  const apps = page.getByRole("main").getByRole("listitem");
  await page.getByRole("link", { name: "of-the-team" }).waitFor();
  await expect.poll(() => apps.count()).toBe(2);
  await expectAccessibleInAllViews(page);
  await page.getByRole("searchbox").fill("of-");
  await page.getByRole("link", { name: "own", exact: true }).waitFor({ state: "detached" });
  await expect.poll(() => apps.count()).toBe(1);
});

test("apps are in the order of their names", async () => {
  const api = await suite.api;
  for (const app of ["order-10", "order-2", "order-1"]) await api.createApp(app);
  const page = await suite.open("/?q=order-");
  for (const address of ["/?q=order-", "/browse?q=order-"]) {
    await page.goto(address);
    const links = page.getByRole("main").getByRole("link", { name: /^order-/ });
    const names = async () => (await links.allInnerTexts()).map((text) => text.split("\n")[0]);
    await expect.poll(names).toEqual(["order-1", "order-2", "order-10"]);
  }
});

test("the apps that a user opened last are the first, also in another browser", async () => {
  const [first, second] = [await suite.createApp(), await suite.createApp()];
  await suite.as("visitor");
  const opened = (app: string) => (response: Response) =>
    response.request().method() === "PUT" && response.url().endsWith(`/openapi/v1/recents/${app}`);
  const page = await suite.open("/?tab=recent", { as: "visitor" });
  await page.getByText("Apps that you open appear here.").waitFor();
  for (const app of [first, second]) {
    await Promise.all([page.waitForResponse(opened(app)), page.goto(`/a/${app}`)]);
  }
  await page.getByRole("link", { name: "Castalia" }).first().click();
  await page.getByRole("link", { name: "Recent" }).click();
  const other = await suite.open("/?tab=recent", { as: "visitor" });
  for (const each of [page, other]) {
    const apps = each.getByRole("main").getByRole("listitem");
    await expect.poll(() => apps.count()).toBe(2);
    await expect.poll(() => apps.first().textContent()).toContain(second);
  }
  // Opened again: the list is shown from the cache, and an app that is the first already costs no call.
  await other.getByRole("main").getByRole("link", { name: first }).first().click();
  await other.getByRole("heading", { name: first }).waitFor();
  await other.keyboard.press("Control+k");
  const recent = other.getByRole("listbox").getByRole("group", { name: "Recent" }).getByRole("option");
  await expect.poll(() => recent.first().textContent()).toContain(first);
  const writes: string[] = [];
  other.on("request", (request) => request.method() === "PUT" && writes.push(request.url()));
  await other.reload();
  await other.getByRole("heading", { name: first }).waitFor();
  await other.keyboard.press("Control+k");
  await expect.poll(() => recent.first().textContent()).toContain(first);
  expect(writes).toEqual([]);
});
