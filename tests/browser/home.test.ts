// The start page.
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
  expect(await apps.count()).toBe(2);
  await expectAccessibleInAllViews(page);
  await page.getByRole("searchbox").fill("of-");
  await page.getByRole("link", { name: "own", exact: true }).waitFor({ state: "detached" });
  expect(await apps.count()).toBe(1);
});
