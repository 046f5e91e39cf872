// Requests for access: a user asks, an administrator of the app grants or declines with a click, and the user sees it.
import { expect, test } from "vitest";

import { addressOf, type Place } from "./support/api";
import { expectAccessible, expectFits, NARROW, useSuite, VIEWS } from "./support/suite";

const suite = useSuite({ variables: { CONFIGVIEW_MEMBERONLY_ENVS: "PRO" }, environments: ["DEV", "PRO"] });

async function application(): Promise<Place> {
  const at = await suite.createPlace();
  await (await suite.api).setItem(at, { key: "limit", value: "100" });
  return at;
}

async function ask({ app, env, ns }: Place, user: string, note = "") {
  const body = { appId: app, env, namespaceName: ns, roleType: "ModifyNamespace", note };
  return (await suite.as(user)).call<{ id: number }>("POST", "access-requests", body);
}

async function waitingFor(app: string) {
  const found = await (await suite.api).call<{ appId: string; state: string }[]>("GET", "access-requests/waiting");
  return found.filter(({ appId }) => appId === app).length;
}

test("a user asks for a right, an administrator grants it with one click, and the user can edit", async () => {
  const at = await application();
  const { user } = await suite.as("u1");
  const page = await suite.open(addressOf(at), { as: user });
  await page.getByRole("button", { name: "Request access" }).click();
  const dialog = page.getByRole("dialog", { name: "Request access" });
  await expect.poll(() => dialog.getByRole("checkbox", { name: "Edit" }).isChecked()).toBe(true);
  await dialog.getByLabel("Why you need them (optional)").fill("The timeout is too short.");
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Send request" }).click();
  await page.getByText("Requested", { exact: false }).waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Request access" }).count()).toBe(0);

  const admin = await suite.open("/");
  await admin
    .getByRole("region", { name: /access request/ })
    .getByRole("link", { name: at.app })
    .click();
  const list = admin.getByRole("dialog", { name: "Requests for access" });
  await list.getByText("The timeout is too short.").waitFor();
  await list.getByRole("listitem").filter({ hasText: "application" }).getByText("Edit, DEV:").waitFor();
  await expectAccessible(admin);
  await list.getByRole("button", { name: /^Grant to u1/ }).click();
  await list.getByText(/Granted by/).waitFor();
  await admin.keyboard.press("Escape");
  await admin.getByRole("button", { name: "Requests 0" }).waitFor();
  // The matrix below has read the roles again.
  await expect.poll(() => admin.getByRole("checkbox", { name: "Edit, u1, DEV" }).isChecked()).toBe(true);
  await expect.poll(() => admin.getByRole("checkbox", { name: "Publish, u1, DEV" }).isChecked()).toBe(false);

  await page.reload();
  await page.getByRole("button", { name: "Edit limit" }).waitFor();
  await expect.poll(() => page.getByText("Read only.").count()).toBe(0);
});

test("the user sees the sentence with which a request was declined, and may ask again", async () => {
  const at = await application();
  await ask(at, "u2");
  const admin = await suite.open(`/a/${at.app}/access?requests=open`);
  const list = admin.getByRole("dialog", { name: "Requests for access" });
  await list.getByRole("button", { name: /^Decline the request of u2/ }).click();
  await list.getByRole("button", { name: "Decline", exact: true }).click();
  await list.getByText("This field is required.").waitFor();
  await list.getByLabel(/sees this/).fill("Use the test environment.");
  await list.getByRole("button", { name: "Decline", exact: true }).click();
  await list.getByText("No request is waiting.").waitFor();
  const page = await suite.open(addressOf(at), { as: "u2" });
  await page.getByText(/declined your request: Use the test environment\./).waitFor();
  await page.getByRole("button", { name: "Request access" }).click();
  // The keyboard is in the note; one key sends the request.
  await expect.poll(() => page.evaluate(() => document.activeElement?.tagName)).toBe("INPUT");
  await page.keyboard.press("Enter");
  await page.getByText("Requested", { exact: false }).waitFor();
  await expect.poll(() => waitingFor(at.app)).toBe(1);
  await page.getByRole("button", { name: "Withdraw" }).click();
  await page.getByRole("button", { name: "Request access" }).waitFor();
  await expect.poll(() => waitingFor(at.app)).toBe(0);
});

test("what becomes of a request is seen at once, by who made it and by who decides", async () => {
  const at = await application();
  const { user } = await suite.as("u5");
  const hidden = { ...at, env: "PRO" };
  await ask(hidden, user);
  const admin = await suite.openLive(`/a/${at.app}/access?requests=open`);
  const list = admin.getByRole("dialog", { name: "Requests for access" });
  await list.getByRole("listitem").first().waitFor();
  const page = await suite.openLive(addressOf(hidden), { as: user });
  await page.getByText("This namespace is hidden from you").waitFor();
  const review = await suite.openLive(addressOf(at), { as: user });
  await review.getByRole("button", { name: "Request access" }).click();
  await review.getByRole("button", { name: "Send request" }).click();
  await expect.poll(() => list.getByRole("listitem").count()).toBe(2);

  const of = (env: string) => list.getByRole("listitem").filter({ hasText: `Edit, ${env}:` });
  await of("PRO")
    .getByRole("button", { name: /^Grant to u5/ })
    .click();
  await page.getByRole("button", { name: "Add key" }).first().waitFor();
  await of("DEV")
    .getByRole("button", { name: /^Decline/ })
    .click();
  await list.getByLabel(/sees this/).fill("Ask for PRO only.");
  await list.getByRole("button", { name: "Decline", exact: true }).click();
  await review
    .getByRole("status")
    .getByText(/declined your request: Ask for PRO only\./)
    .waitFor();
});

test("access can be requested to a hidden namespace, for a publish and for all environments", async () => {
  const at = await application();
  const { user } = await suite.as("u3");
  const hidden = await suite.open(addressOf({ ...at, env: "PRO" }), { as: user });
  await hidden.getByText("This namespace is hidden from you").waitFor();
  await hidden.getByRole("button", { name: "Request access" }).click();
  await hidden.getByRole("button", { name: "Send request" }).click();
  await hidden.getByText("Requested", { exact: false }).waitFor();
  await expectAccessible(hidden);

  const review = await suite.open(`/a/${at.app}/publish?t=DEV:default:application`, { as: user });
  await review.getByRole("button", { name: "Request access" }).click();
  const dialog = review.getByRole("dialog");
  await expect.poll(() => dialog.getByRole("checkbox").count()).toBe(1);
  await dialog.getByRole("button", { name: "Send request" }).click();
  await review.getByText("Requested", { exact: false }).waitFor();

  const access = await suite.open(`/a/${at.app}/access`, { as: user });
  await access.getByRole("button", { name: "Request access" }).click();
  await access.getByRole("dialog").getByText("Rights on application in All environments").waitFor();
  await access.getByRole("dialog").getByRole("checkbox", { name: "Publish" }).check();
  await access.getByRole("button", { name: "Send request" }).click();
  await access.getByText("Requested", { exact: false }).waitFor();
  await expect.poll(() => access.getByRole("button", { name: /^Requests/ }).count()).toBe(0);
  await expect.poll(() => waitingFor(at.app)).toBe(4);
});

for (const view of VIEWS) {
  test(`requests are readable and accessible on ${view.width} px, ${view.theme}`, async () => {
    const at = await application();
    const note = "A reason without any space: " + "x".repeat(120);
    await ask(at, "u4", note);
    const page = await suite.open(`/a/${at.app}/access?requests=open`, view);
    await page.getByRole("button", { name: /^Grant to u4/ }).waitFor();
    await expectAccessible(page);
    await page.getByRole("button", { name: /^Decline the request of u4/ }).click();
    await page.getByLabel(/sees this/).waitFor();
    await expectAccessible(page);
    const home = await suite.open("/", view);
    await home.getByRole("region", { name: /access request/ }).waitFor();
    await expectAccessible(home);
    if (view.width !== NARROW) return;
    for (const shown of [page, home]) await expectFits(shown);
  });
}
