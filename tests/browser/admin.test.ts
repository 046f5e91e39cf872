// Access, tokens and administration: scenarios S25, S28 to S30 and S34.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";

import { Api, namespacePath, placeIn } from "./support/api";
import { expectAccessible, expectAccessibleInAllViews, useSuite } from "./support/suite";

const suite = useSuite({
  environments: ["DEV", "PRO"],
  variables: { EUREKA_HOST: "on", REGISTRY: "eureka", WIKI_ADDRESS: "http://wiki.example" },
});
const run = promisify(execFile);

test("S25: a user who is granted edit in DEV only can edit there and not in PRO", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/a/${app}/access`);
  const member = await suite.as("member");
  await page.getByLabel("Add a person").fill("member");
  await page.getByRole("button", { name: "Add", exact: true }).click();
  await page.getByLabel("Edit, member, DEV").check();
  await page.getByLabel("Publish, member, DEV").check();
  let sent = 0;
  page.on("request", (request) => (sent += request.url().endsWith("/access-grants") ? 1 : 0));
  await page.getByRole("button", { name: "Save changes" }).click();
  await page.getByText("2 of 2", { exact: false }).waitFor();
  expect(sent, "all changes in one request").toBe(1);
  await member.setItem(placeIn(app, "DEV"), { key: "a", value: "1" });
  await expect(member.setItem(placeIn(app, "PRO"), { key: "a", value: "1" })).rejects.toThrow("403");
  // In a browser of that user the matrix is read-only.
  const other = await suite.open(`/a/${app}/access`, { as: "member" });
  await other.getByText("Only administrators of the app can change this.").waitFor();
  await expect.poll(() => other.getByLabel("Edit, member, DEV").isChecked()).toBe(true);
  await expect.poll(() => other.getByLabel("Edit, member, DEV").isDisabled()).toBe(true);
});

test("the last administrator of an app cannot be removed", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/a/${app}/access`);
  const box = page.getByLabel("Admin, apollo, the app");
  await box.waitFor();
  await expect.poll(() => box.isDisabled()).toBe(true);
});

test("S28: the token of a new consumer works with the command that the page shows", async () => {
  const app = await suite.createApp();
  const page = await suite.open("/admin/consumers");
  await page.getByRole("button", { name: "New third-party app" }).click();
  await page.getByLabel("Id", { exact: true }).fill("robot");
  await page.getByLabel("Name", { exact: true }).fill("Robot");
  await page.getByRole("button", { name: "Register" }).click();
  await page.getByText("This is shown only once.").waitFor();
  await page.getByLabel("Access to", { exact: true }).selectOption("a namespace");
  await page.getByLabel("App id", { exact: true }).fill(app);
  await page.getByLabel("Namespace", { exact: true }).fill("application");
  await page.getByRole("button", { name: "Grant access", exact: true }).click();
  const command = await page.locator("code").filter({ hasText: "curl" }).textContent();
  const { stdout } = await run("sh", ["-c", command ?? ""]);
  expect(JSON.parse(stdout)).toMatchObject({ appId: app, namespaceName: "application" });
  // Its token is replaced, and both are valid for an hour.
  await page.getByRole("button", { name: "Close", exact: true }).last().click();
  await page.getByRole("button", { name: "Rotate the token of robot" }).click();
  await page.getByLabel("The present token stops working").selectOption("in an hour");
  await page.getByRole("button", { name: "Rotate token" }).click();
  await page.getByText("This is shown only once.").waitFor();
  const fresh = await page.locator("code.secret").textContent();
  const old = /[0-9a-f]{64}/.exec(command ?? "")?.[0] ?? "";
  expect(fresh).toMatch(/^[0-9a-f]{64}$/);
  expect(fresh).not.toBe(old);
  for (const token of [old, fresh ?? ""]) {
    const read = await run("sh", ["-c", (command ?? "").replace(old, token)]);
    expect(JSON.parse(read.stdout)).toMatchObject({ appId: app });
  }
  // What it may do is listed, and can be taken back in parts.
  await page.getByRole("button", { name: "Close", exact: true }).last().click();
  await page.getByRole("button", { name: "Grant access to robot" }).click();
  const roles = page.getByRole("table", { name: "What it may do" });
  await roles.getByText("Publish", { exact: true }).waitFor();
  await roles.getByRole("button", { name: `Revoke ModifyNamespace+${app}+application` }).click();
  await expect.poll(() => roles.getByText("Edit", { exact: true }).count()).toBe(0);
  await expect.poll(() => roles.getByText("Publish", { exact: true }).count()).toBe(1);
  // A single operation on a whole app.
  await page.getByLabel("App id", { exact: true }).fill(app);
  await page.getByLabel("read", { exact: true }).check();
  await page.getByRole("button", { name: "Grant access", exact: true }).click();
  await roles.getByRole("button", { name: `Revoke ReadNamespace+${app}` }).waitFor();
});

test("the expired token of a third-party app is replaced by one with a chosen end", async () => {
  const api = await suite.api;
  const end = new Date(Date.now() + 5_000);
  const parts = [end.getMonth() + 1, end.getDate(), end.getHours(), end.getMinutes(), end.getSeconds()];
  const soon = `${end.getFullYear()}${parts.map((part) => `${part}`.padStart(2, "0")).join("")}`;
  await api.call("POST", `consumers?expires=${soon}`, {
    appId: "expired",
    name: "Expired",
    orgId: "TEST1",
    orgName: "One",
    ownerName: "apollo",
  });
  await expect.poll(() => Date.now() > end.getTime(), { timeout: 30_000 }).toBe(true);
  const page = await suite.open("/admin/consumers");
  await page.getByRole("button", { name: "Rotate the token of expired" }).click();
  await page.getByText("The present token has expired").waitFor();
  await page.getByRole("button", { name: "Rotate token" }).click();
  await page.getByText("Choose a day.").waitFor();
  const day = page.getByLabel("Last day of the new token");
  await day.fill("2002-01-15");
  await page.getByRole("button", { name: "Rotate token" }).click();
  await page.getByText("expires is in the past").waitFor();
  await expectAccessible(page);
  await day.fill("2040-01-15");
  await page.getByRole("button", { name: "Rotate token" }).click();
  await page.getByText("This is shown only once.").waitFor();
  const { expires } = await api.call<{ expires: string }>("GET", "consumer-tokens/by-appId?appId=expired");
  expect(expires).toMatch(/^2040-01-15T23:59:59/);
});

test("a third-party app is changed, and its last use is shown", async () => {
  const api = await suite.api;
  const { token } = await api.call<{ token: string }>("POST", "consumers", {
    appId: "changed",
    name: "Before",
    orgId: "TEST1",
    orgName: "One",
    ownerName: "apollo",
  });
  const page = await suite.open("/admin/consumers");
  const row = page.getByRole("row").filter({ hasText: "changed" });
  await row.getByText("never").waitFor();
  await page.getByRole("button", { name: "Change changed" }).click();
  await page.getByLabel("Name", { exact: true }).fill("After");
  await page.getByLabel("Rate limit").fill("9");
  await expectAccessible(page);
  await page.getByRole("button", { name: "Save" }).click();
  await row.getByText("After").waitFor();
  await row.getByText("9 per second").waitFor();
  const used = await fetch(`${suite.castalia.portal}/openapi/v1/apps`, { headers: { authorization: token } });
  expect(used.status).toBe(200);
  await expect
    .poll(
      async () => {
        await page.reload();
        await row.getByText("After").waitFor();
        return row.getByText("never").count();
      },
      { timeout: 90_000 },
    )
    .toBe(0);
});

test("S29: a token with read scope is listed with prefix and last use, is rotated and revoked", async () => {
  const page = await suite.open("/me/tokens", { as: "scripter" });
  await page.getByRole("button", { name: "New token" }).click();
  await page.getByLabel("Name", { exact: true }).fill("ci");
  await page.getByRole("button", { name: "Create token" }).click();
  const secret = await page
    .locator("code")
    .filter({ hasText: /^apollo_pat_/ })
    .textContent();
  await page.getByRole("button", { name: "I have stored it" }).click();
  const row = page.getByRole("row").filter({ hasText: "config:read" });
  await expect.poll(() => row.textContent()).toContain(secret?.slice("apollo_pat_".length, "apollo_pat_".length + 8));
  await expect.poll(() => row.textContent()).toContain("never");
  await page.getByRole("button", { name: "Rotate ci" }).click();
  await page.getByRole("button", { name: "Rotate token" }).click();
  const fresh = await page
    .locator("code")
    .filter({ hasText: /^apollo_pat_/ })
    .textContent();
  expect(fresh).not.toBe(secret);
  await page.getByRole("button", { name: "I have stored it" }).click();
  await page.getByRole("button", { name: "Revoke ci" }).click();
  await page.getByRole("button", { name: "Revoke token" }).click();
  await expect.poll(() => page.getByText("Revoked").count()).toBe(2);
  const answer = await fetch(`${suite.castalia.portal}/openapi/v1/apps`, {
    headers: { Authorization: `Bearer ${fresh ?? ""}` },
  });
  expect(answer.status).toBe(401);
});

test("S30: a setting shows its meaning, default, source and effect, and is stored", async () => {
  const page = await suite.open("/admin/settings?q=api.connectTimeout");
  const row = page.getByRole("row").filter({ hasText: "api.connectTimeout" });
  await row.waitFor();
  await expect.poll(() => row.textContent()).toContain("Timeout of connections to an admin service");
  await expect.poll(() => row.textContent()).toContain("3000");
  await expect.poll(() => row.textContent()).toContain("within a minute");
  await page.getByRole("button", { name: "Edit api.connectTimeout" }).click();
  // What would have no effect is not stored.
  await page.getByLabel("Value").fill("4s");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Enter a whole number: 1 to 4294967295").waitFor();
  await page.getByLabel("Value").fill("4000");
  await page.getByRole("button", { name: "Save" }).click();
  await row.getByText("table", { exact: true }).waitFor();
  await expect.poll(() => row.textContent()).toContain("Default 3000");
});

test("a setting that the node fixes shows where, also beside a row without effect", async () => {
  const key = "wiki.address";
  const page = await suite.open(`/admin/settings?q=${key}`);
  const row = page.getByRole("row").filter({ hasText: key });
  await row.getByText("environment", { exact: true }).waitFor();
  await row.getByText("CASTALIA_WIKI_ADDRESS").waitFor();
  await row.getByText("http://wiki.example", { exact: true }).waitFor();
  await page.getByRole("button", { name: `Edit ${key}` }).click();
  await page.getByLabel("Value").fill("http://stored.example");
  await page.getByRole("button", { name: "Save" }).click();
  await row.getByText("Without effect because of").waitFor();
  await row.getByText("In effect: http://wiki.example").waitFor();
  await row.getByText("table", { exact: true }).waitFor();
});

test("S34: the audit log filtered by app and user says who deleted a namespace, and from where", async () => {
  const app = await suite.createApp();
  const api = await suite.api;
  await api.createNamespace(app, "extra");
  const place = placeIn(app, "DEV", "extra");
  await api.call("GET", namespacePath(place));
  await api.call("DELETE", `apps/${app}/envs/DEV/clusters/default/namespaces/extra`);
  const page = await suite.open(`/admin/audit?q=apollo&app=${app}`);
  const row = page.getByRole("row").filter({ hasText: "Namespace.deleteLinkedNamespace" });
  await row.waitFor();
  await expect.poll(() => row.textContent()).toContain("127.0.0.1 DELETE");
  const others = page.getByRole("row").filter({ hasNotText: app });
  // The head, and the creation, whose path names no app.
  await expect.poll(() => others.count()).toBe(2);
  await expect.poll(() => others.filter({ hasText: "App.create" }).count()).toBe(1);
  await page.goto(`/admin/audit?app=${app}&to=2020-01-01T00:00`);
  await page.getByText("Nothing matches the filter.").waitFor();
  await page.goto(`/admin/audit?app=${app}`);
  await row.waitFor();
  await page.getByRole("textbox", { name: "User", exact: true }).fill("nobody");
  await page.getByText("Nothing matches the filter.").waitFor();
  await page.getByRole("textbox", { name: "User", exact: true }).fill("apollo");
  await row.waitFor();
});

test("a user is deleted after a confirmation, and the own account is not", async () => {
  const leaver = await suite.as("leaver");
  const page = await suite.open("/admin/users?q=leaver");
  const row = page.getByRole("row").filter({ hasText: "leaver" });
  await row.getByRole("button", { name: "Delete leaver" }).click();
  await page.getByText("Sessions, access tokens, roles and favourites of the user end at once").waitFor();
  await expectAccessible(page);
  await page.getByRole("button", { name: "Delete user" }).click();
  await page.getByText("Nothing matches the filter.").waitFor();
  await expect(leaver.call("GET", "user")).rejects.toThrow("401");
  await page.goto("/admin/users?q=apollo");
  await page.getByRole("button", { name: "Delete apollo" }).waitFor();
  await expect
    .poll(() => page.getByRole("button", { name: "Delete apollo" }).getAttribute("aria-disabled"))
    .toBe("true");
});

test("a user is edited, and keeps the password unless a new one is entered", async () => {
  const name = "renamed";
  const session = await suite.as(name);
  const page = await suite.open(`/admin/users?q=${name}`);
  const row = page.getByRole("row").filter({ hasText: `${name}@example.org` });
  await row.getByRole("button", { name: `Edit ${name}` }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("Leave it empty to keep the current one.").waitFor();
  await dialog.getByLabel("Name", { exact: true }).fill("Their new name");
  await dialog.getByRole("button", { name: "Save" }).click();
  await row.getByText("Their new name").waitFor();
  await dialog.waitFor({ state: "detached" });
  await session.call("GET", "user");
  await Api.signIn(suite.castalia.portal, name);
  // A new one ends the sessions.
  await row.getByRole("button", { name: `Edit ${name}` }).click();
  await dialog.getByLabel("New password", { exact: true }).fill("another horse for the stable");
  await dialog.getByRole("button", { name: "Save" }).click();
  await dialog.waitFor({ state: "detached" });
  await expect(session.call("GET", "user")).rejects.toThrow("401");
  await expect(Api.signIn(suite.castalia.portal, name)).rejects.toThrow("cannot sign in");
});

test("the administration is closed to others, and says who can see it", async () => {
  const page = await suite.open("/admin/users", { as: "member" });
  await page.getByText("Only super administrators can see this.").waitFor();
});

test("the health of the system lists the instances in Eureka", async () => {
  const page = await suite.open("/admin/health");
  const registry = page.getByRole("table", { name: "Instances in Eureka" });
  await registry
    .getByRole("row", { name: /APOLLO-ADMINSERVICE/ })
    .getByText("UP")
    .waitFor();
  await expect.poll(() => registry.getByRole("row").count()).toBe(3);
});

const SECTIONS = ["users", "roles", "consumers", "tokens", "settings", "health", "audit", "webhooks"];

test("the administration is accessible in both themes and widths", async () => {
  const page = await suite.open("/admin/users");
  for (const section of SECTIONS) {
    await page.goto(`/admin/${section}`);
    await page.getByRole("heading", { level: 1 }).waitFor();
    await expect.poll(() => page.getByRole("status", { name: "Loading" }).count()).toBe(0);
    await expectAccessibleInAllViews(page);
  }
});

test("access and own tokens are accessible in both themes and widths", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/a/${app}/access`);
  await page.getByRole("table").waitFor();
  await expectAccessibleInAllViews(page);
  await page.goto("/me/tokens");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await expectAccessibleInAllViews(page);
});

test("the calls of a third-party app and of a token are shown by day", async () => {
  const api = await suite.api;
  await api.call("POST", "consumers", {
    appId: "counted",
    name: "Counted",
    orgId: "TEST1",
    orgName: "One",
    ownerName: "apollo",
  });
  const page = await suite.open("/admin/consumers");
  await page.getByRole("button", { name: "Calls of counted" }).click();
  await page
    .getByRole("dialog", { name: "Calls of counted" })
    .getByText("0 calls that changed something in 30 days")
    .waitFor();
  await expectAccessible(page);

  const { tokenValue } = await api.call<{ tokenValue: string }>("POST", "user-tokens", { name: "counted" });
  const app = await suite.createApp();
  const path = `envs/DEV/apps/${app}/clusters/default/namespaces/application/items/k?createIfNotExists=true`;
  const called = await fetch(`${suite.castalia.portal}/openapi/v1/${path}`, {
    method: "PUT",
    headers: { authorization: `Bearer ${tokenValue}`, "content-type": "application/json" },
    body: JSON.stringify({ key: "k", value: "v", dataChangeCreatedBy: "apollo", dataChangeLastModifiedBy: "apollo" }),
  });
  expect(called.status).toBe(200);
  const tokens = await suite.open("/me/tokens");
  await expect
    .poll(
      async () => {
        await tokens.reload();
        await tokens.getByRole("button", { name: "Calls of counted" }).click();
        const dialog = tokens.getByRole("dialog", { name: "Calls of counted" });
        await dialog.getByText(/calls? that changed something in 30 days/).waitFor();
        return dialog.getByText("1 call that changed something in 30 days").count();
      },
      { timeout: 90_000 },
    )
    .toBe(1);
  await tokens.getByText("By day (UTC)").click();
  await tokens.getByRole("table").last().getByText("1", { exact: true }).waitFor();
  await expectAccessible(tokens);
});
