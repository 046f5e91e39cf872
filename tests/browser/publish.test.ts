// Publishing one or several namespaces, what others do meanwhile, and who has received a release: scenario S7.
import { expect, test } from "vitest";

import { addressOf, namespacePath, placeIn, type Place } from "./support/api";
import { expectAccessibleInAllViews, NARROW, useSuite } from "./support/suite";

const suite = useSuite();

const address = (at: Place) => `/a/${at.app}/publish?t=DEV:default:${at.ns}`;

test("S7: a publish shows the changed words first, and clients then read the value", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "at most 100 items" });
  await api.publish(at);
  await api.setItem(at, { key: "limit", value: "at most 150 items" });
  const page = await suite.open(addressOf(at));
  await page.getByRole("link", { name: "Review and publish" }).click();
  const change = page.getByRole("region", { name: "limit" });
  await change.waitFor();
  await expect.poll(() => change.locator("mark").allTextContents()).toEqual(["100", "150"]);
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
  await page.getByRole("link", { name: "Back to application" }).click();
  await page.getByRole("row", { name: "limit" }).waitFor();
  await expect.poll(() => page.getByText("unpublished change").count()).toBe(0);
  await expect.poll(() => suite.served(at)).toEqual({ limit: "at most 150 items" });
});

test("several namespaces are published together, and each outcome is listed", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.createNamespace(at.app, "switches");
  const other = { ...at, ns: "switches" };
  await api.setItem(at, { key: "limit", value: "100" });
  await api.setItem(other, { key: "new-form", value: "true" });
  const page = await suite.open(address(at));
  await page.getByRole("link", { name: "Review switches as well" }).click();
  await page.getByRole("region", { name: "new-form" }).waitFor();
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
  const results = page.getByRole("region", { name: /Results|Outcome/i }).getByRole("listitem");
  await expect.poll(() => results.count()).toBe(2);
  await expect.poll(() => suite.served(at)).toEqual({ limit: "100" });
  await expect.poll(() => suite.served(other)).toEqual({ "new-form": "true" });
});

test("the main button is what to do next: adding a key, then publishing, unless nothing differs", async () => {
  const at = await suite.createPlace();
  const variant = (name: string) => page.getByRole("button", { name }).getAttribute("data-variant");
  const page = await suite.openLive(`/a/${at.app}/c/DEV/default/application`);
  await page.getByRole("main").getByText("This namespace has no items yet.").waitFor();
  await expect.poll(() => variant("Add key")).toBe("filled");
  await (await suite.api).setItem(at, { key: "limit", value: "100" });
  await page.getByRole("row", { name: "limit" }).waitFor();
  await expect.poll(() => variant("Add key")).toBe("default");
  await page.goto(address(at));
  await expect.poll(() => variant("Publish to DEV")).toBe("filled");
  await (await suite.api).publish(at);
  await page.reload();
  await expect.poll(() => variant("Publish to DEV anyway")).toBe("default");
});

test("on a narrow screen each change has its tick at the same place, however long its key is", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  const key = "checkout.payment.gateway.timeout";
  for (const name of ["a", key, `${key}.of.the.second.attempt`]) await api.setItem(at, { key: name, value: "1" });
  const page = await suite.open(address(at), { width: NARROW });
  const ticks = page.locator("label", { hasText: "Viewed" });
  await ticks.nth(2).waitFor();
  const rights = () => ticks.evaluateAll((all) => all.map((one) => Math.round(one.getBoundingClientRect().right)));
  const tops = () =>
    ticks.evaluateAll((all) =>
      all.map((one) => one.getBoundingClientRect().top - (one.closest("h2")?.getBoundingClientRect().top ?? NaN)),
    );
  await expect.poll(async () => new Set(await rights()).size).toBe(1);
  await expect.poll(async () => Math.min(...(await tops()))).toBeGreaterThan(20);
});

test("namespaces of several clusters are published together", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  const other = { ...at, cluster: "fra1" };
  await api.createCluster(at.app, "DEV", "fra1");
  for (const place of [at, other]) await api.setItem(place, { key: "limit", value: place.cluster });
  const page = await suite.open(address(at));
  await page.getByRole("button", { name: "Look in other clusters" }).click();
  await page.getByRole("link", { name: "Review application (DEV / fra1) as well" }).click();
  await page.getByRole("heading", { name: "application (DEV / fra1)" }).waitFor();
  await expectAccessibleInAllViews(page);
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
  await page.getByText("2 of 2 done").waitFor();
  for (const place of [at, other]) {
    await expect.poll(() => suite.served(place)).toEqual({ limit: place.cluster });
  }
});

test("differences are shown inline on demand, on the next page too", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  await api.publish(at);
  await api.setItem(at, { key: "limit", value: "150" });
  const page = await suite.open(address(at));
  const sides = page.getByRole("region", { name: "limit" }).locator("code");
  const areBeside = async () => {
    const [before, after] = await sides.all();
    const [left, right] = [await before?.boundingBox(), await after?.boundingBox()];
    return left?.y === right?.y;
  };
  await sides.first().waitFor();
  await expect.poll(() => areBeside()).toBe(true);
  await page.getByRole("button", { name: "Inline" }).click();
  await expect.poll(() => areBeside()).toBe(false);
  await page.reload();
  await sides.first().waitFor();
  await expect.poll(() => areBeside()).toBe(false);
  await page.getByRole("button", { name: "Side by side" }).click();
  await expect.poll(() => areBeside()).toBe(true);
});

test("an edit that arrives during the review is shown, and not published unseen", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  const page = await suite.open(address(at));
  await page.getByRole("region", { name: "limit" }).waitFor();
  await page.route("**/openapi/v1/events*", (route) => route.abort());
  await page.reload();
  await page.getByRole("region", { name: "limit" }).waitFor();
  await api.setItem(at, { key: "unseen", value: "1" });
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Someone else has changed this in the meantime.").waitFor();
  expect(await suite.served(at)).toBeUndefined();
  await page.getByRole("button", { name: "Review again" }).click();
  await page.getByRole("region", { name: "unseen" }).waitFor();
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
});

test("the edit of another user appears without a reload", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  const page = await suite.openLive(`/a/${at.app}/c/DEV/default/application`);
  await page.getByRole("row", { name: "limit" }).waitFor();
  await api.setItem(at, { key: "from.elsewhere", value: "1" });
  await page.getByRole("row", { name: "from.elsewhere" }).waitFor();
});

test("after a publish the instances that have it are counted", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  await api.publish(at);
  const read = () => suite.served(at, "10.24.8.31");
  await expect.poll(read).toEqual({ limit: "100" });
  await api.setItem(at, { key: "limit", value: "150" });
  await expect.poll(() => api.call("GET", `${namespacePath(at)}/instances`)).toBe(1);
  const page = await suite.open(address(at));
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
  const back = page.getByRole("link", { name: "Back to application" });
  const place = await back.boundingBox();
  await page.getByText("0 of 1 instance has it").waitFor();
  await page.getByText("Not yet: 10.24.8.31").waitFor();
  await expect.poll(read).toEqual({ limit: "150" });
  await page.getByText("1 of 1 instance has it").waitFor();
  // A click is lost if its target moves between press and release.
  expect(await back.boundingBox()).toEqual(place);
});

test("the review is accessible in both themes and widths", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "rules", value: '{"version":6,"actions":["review"]}', type: 3 });
  await api.setItem(at, { key: "legacy", value: "x" });
  await api.publish(at);
  await api.setItem(at, { key: "rules", value: '{"version":7,"actions":["review","block"]}', type: 3 });
  await api.deleteItem(at, "legacy");
  const page = await suite.open(address(at));
  await page.getByRole("region", { name: "rules" }).waitFor();
  await expectAccessibleInAllViews(page);
});

test("documents in differences have syntax colours, except for the marked words", async () => {
  const app = await suite.createApp();
  const api = await suite.api;
  await api.createNamespace(app, "payment", "yml");
  const at = placeIn(app);
  const document = { ...at, ns: "payment.yml" };
  await api.setItem(at, { key: "rules", value: '{"limit": 100, "name": "shop"}', type: 3 });
  await api.setText(document, "# limits\ntimeout: 3000\nname: shop\n", "yml");
  for (const place of [at, document]) await api.publish(place);
  await api.setItem(at, { key: "rules", value: '{"limit": 150, "name": "shop", "isNew": true}', type: 3 });
  await api.setText(document, "# limits\ntimeout: 4500\nname: shop\n", "yml");
  const page = await suite.open(`/a/${app}/publish?t=DEV:default:application,DEV:default:payment.yml`);
  const json = page.getByRole("region", { name: /^rules/ });
  const yaml = page.getByRole("region", { name: /^content/ });
  const parts = async (region: typeof json, kind: string) =>
    [...new Set(await region.locator(`[data-syntax=${kind}]`).allTextContents())].toSorted();
  await expect.poll(() => parts(yaml, "name")).toEqual(["name", "timeout"]);
  await expect.poll(() => parts(yaml, "comment")).toEqual(["# limits"]);
  await expect.poll(() => parts(json, "name")).toEqual(['"isNew"', '"limit"', '"name"']);
  await expect.poll(() => json.locator("mark").allTextContents()).toContain("150");
  await expectAccessibleInAllViews(page);
});

test("a review warns of values that a rollback withdrew", async () => {
  const app = await suite.createApp();
  const api = await suite.api;
  const at = placeIn(app);
  const ids: number[] = [];
  for (const value of ["1", "2"]) {
    await api.setItem(at, { key: "limit", value });
    await api.setItem(at, { key: "rate", value });
    ids.push((await api.publish(at)).id);
  }
  await api.call("PUT", `envs/DEV/releases/${ids[1]}/rollback?operator=apollo&toReleaseId=${ids[0]}`);
  // The other key still has the withdrawn value.
  await api.setItem(at, { key: "rate", value: "3" });
  const page = await suite.open(`/a/${app}/publish?t=DEV:default:application`);
  await page.getByText("A rollback withdrew a value that this publish makes live again: limit.").waitFor();
  await expectAccessibleInAllViews(page);
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
  await api.setItem(at, { key: "limit", value: "1" });
  await page.goto(`/a/${app}/publish?t=DEV:default:application`);
  await page.getByRole("region", { name: "limit" }).waitFor();
  await expect.poll(() => page.getByText("A rollback withdrew").count()).toBe(0);
});
