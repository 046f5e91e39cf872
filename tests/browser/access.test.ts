// What users without a right see, and the separation of editing and publishing: scenarios S21 to S23.
import { expect, test } from "vitest";

import { addressOf } from "./support/api";
import { expectAccessible, useSuite } from "./support/suite";

const suite = useSuite({
  variables: { NAMESPACE_LOCK_SWITCH: "true", EMERGENCYPUBLISH_SUPPORTED_ENVS: "PRO" },
  environments: ["DEV", "PRO"],
});

test("S21: while another user edits, editing is disabled with the reason, and publishing is possible", async () => {
  const at = await suite.createPlace();
  await (await suite.api).createNamespace(at.app, "free");
  const [u1, u2] = [await suite.as("u1"), await suite.as("u2")];
  const api = await suite.api;
  for (const user of ["u1", "u2"]) {
    await api.grant(at, "ModifyNamespace", user);
    await api.grant(at, "ReleaseNamespace", user);
  }
  await u1.setItem(at, { key: "limit", value: "100" });
  const other = await suite.open(addressOf(at), { as: u2.user });
  await other.getByText("u1 is editing this namespace.").filter({ visible: true }).waitFor();
  const list = other.getByRole("navigation", { name: "Namespaces" });
  await list.getByRole("link", { name: "application" }).getByText("u1 is editing").waitFor({ state: "attached" });
  await expect.poll(() => list.getByText("is editing").count()).toBe(1);
  await expect.poll(() => other.getByRole("button", { name: "Add key" }).isDisabled()).toBe(true);
  await expect.poll(() => other.getByRole("button", { name: "Edit limit" }).count()).toBe(0);
  const editor = await suite.open(addressOf(at), { as: u1.user });
  await editor.getByText("Someone else has to publish it").waitFor();
  await editor.getByRole("link", { name: "Review and publish" }).click();
  await editor.getByText("You have edited this namespace").filter({ visible: true }).waitFor();
  await expect.poll(() => editor.getByRole("button", { name: "Publish to DEV" }).isDisabled()).toBe(true);
  await other.getByRole("link", { name: "Review and publish" }).click();
  await other.getByRole("button", { name: "Publish to DEV" }).click();
  await other.getByText("Published to DEV").waitFor();
});

test("S22: an emergency publish needs the typed environment, and is marked in the history", async () => {
  const at = await suite.createPlace({ env: "PRO" });
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  const page = await suite.open(`/a/${at.app}/publish?t=PRO:default:application`);
  await page.getByRole("button", { name: "Emergency publish to PRO…" }).click();
  const dialog = page.getByRole("dialog", { name: "Emergency publish to PRO" });
  await expect.poll(() => dialog.getByRole("button", { name: "Publish to PRO" }).isDisabled()).toBe(true);
  await dialog.getByLabel("Type PRO to confirm").fill("PRO");
  await dialog.getByRole("button", { name: "Publish to PRO" }).click();
  await page.getByText("Published to PRO").waitFor();
  const histories = `apps/${at.app}/envs/PRO/clusters/default/namespaces/application/releases/histories?page=0&size=1`;
  const [entry] = await api.call<{ operationContext: unknown }[]>("GET", histories);
  expect(JSON.stringify(entry?.operationContext)).toContain("isEmergencyPublish");
});

test("S23: a viewer can neither edit nor publish, and learns who grants access", async () => {
  const at = await suite.createPlace();
  await (await suite.api).setItem(at, { key: "limit", value: "100" });
  const viewer = await suite.as("viewer");
  const page = await suite.open(addressOf(at), { as: viewer.user });
  await page.getByText("Read only.").waitFor();
  await page.getByRole("row", { name: "limit" }).waitFor();
  await expect.poll(() => page.getByRole("button", { name: /Add key|Edit limit|Discard/ }).count()).toBe(0);
  await expect.poll(() => page.getByRole("link", { name: "Review and publish" }).count()).toBe(0);
  await page.getByRole("button", { name: "Request access" }).click();
  await page.getByRole("dialog").getByText("apollo", { exact: true }).waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Copy link" }).click();
  await page.getByText("Copied.").waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(`${suite.castalia.portal}/a/${at.app}/access?env=DEV&ns=application&who=viewer`);
  await page.goto(`/a/${at.app}/publish?t=DEV:default:application`);
  await page.getByRole("region", { name: "limit" }).waitFor();
  await expect.poll(() => page.getByRole("button", { name: /Publish/ }).count()).toBe(0);
});

test("the matrix states why somebody has a right: for all environments, for one, or for a cluster of it", async () => {
  const { app } = await suite.createPlace();
  const api = await suite.api;
  for (const user of ["everywhere", "once", "partly"]) await suite.as(user);
  await api.grant({ app, ns: "application" }, "ReleaseNamespace", "everywhere");
  await api.grant({ app, ns: "application", env: "PRO" }, "ModifyNamespace", "once");
  await api.call("POST", `apps/${app}/envs/PRO/clusters/default/roles/ModifyNamespacesInCluster?userId=partly`);
  const page = await suite.open(`/a/${app}/access`);
  const expectWhy = async (user: string, expected: unknown[]) => {
    await page.getByLabel(`Edit, ${user}, PRO`).focus();
    await page.keyboard.press("w");
    const dialog = page.getByRole("dialog", { name: `Why? ${user}, PRO` });
    await dialog.getByText("Who can change this: apollo.").waitFor();
    await dialog.getByRole("region", { name: "Publish" }).waitFor();
    const texts = async () =>
      (await dialog.getByRole("region").allInnerTexts()).map((text) => text.replace(/\s+/g, " "));
    await expect.poll(texts, { message: user }).toEqual(expected);
    await page.keyboard.press("Escape");
    await dialog.waitFor({ state: "detached" });
  };
  await expectWhy("everywhere", [
    "Edit: no grant",
    `Publish: yes Granted for application in all environments. ReleaseNamespace+${app}+application`,
  ]);
  await expectWhy("once", [
    `Edit: yes Granted for application in PRO. ModifyNamespace+${app}+application+PRO`,
    "Publish: no grant",
  ]);
  // The person has no other right, and is listed.
  await page
    .getByRole("row", { name: /partly/ })
    .getByText("1 cluster")
    .first()
    .waitFor();
  await expectWhy("partly", [
    "Edit: only in part Granted for all namespaces of the cluster default in PRO. " +
      `ModifyNamespacesInCluster+${app}+PRO+default`,
    "Publish: no grant",
  ]);
  await expectWhy("apollo", [expect.stringContaining("A super administrator has every right."), expect.anything()]);
});

test("the boxes of the matrix are reached by arrows and switched by letters; a reader can ask why", async () => {
  const { app } = await suite.createPlace();
  const reader = await suite.as("asking");
  await (await suite.api).grant({ app, ns: "application" }, "ReleaseNamespace", reader.user);
  const page = await suite.open(`/a/${app}/access`);
  const box = (right: string, scope: string) => page.getByLabel(`${right}, asking, ${scope}`);
  await box("Edit", "All environments").focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("e");
  await page.getByRole("region", { name: "1 unsaved change" }).waitFor();
  await expect.poll(() => box("Edit", "DEV").isChecked()).toBe(true);
  // What a wider grant includes cannot be switched.
  await page.keyboard.press("p");
  await page.getByRole("region", { name: "1 unsaved change" }).waitFor();
  await page.keyboard.press("e");
  await page.getByRole("region", { name: "1 unsaved change" }).waitFor({ state: "detached" });
  const other = await suite.open(`/a/${app}/access`, { as: reader.user });
  await other.getByRole("button", { name: "Why? asking, PRO" }).click();
  const dialog = other.getByRole("dialog");
  await dialog.getByText("Granted for application in all environments.").waitFor();
  await expectAccessible(other);
});
