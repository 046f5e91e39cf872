// History, differences of releases, a key's history, and rollback: scenario S8.
import { expect, test } from "vitest";

import { placeIn, type Place } from "./support/api";
import { expectAccessibleInAllViews, useSuite } from "./support/suite";

const suite = useSuite();

/** An app with the releases first (limit=1), second (limit=2) and third (limit=3, rate=9). */
async function createReleased(): Promise<{ place: Place; ids: number[] }> {
  const [app, api] = [await suite.createApp(), await suite.api];
  const place = placeIn(app);
  const ids: number[] = [];
  for (const [index, name] of ["first", "second", "third"].entries()) {
    await api.setItem(place, { key: "limit", value: String(index + 1), comment: "a comment" });
    if (name === "third") await api.setItem(place, { key: "rate", value: "9" });
    ids.push((await api.publish(place, name)).id);
  }
  return { place, ids };
}

const stored = async (place: Place) =>
  Object.fromEntries((await (await suite.api).items(place)).map(({ key, value }) => [key, value]));

async function live({ app, env, cluster, ns }: Place): Promise<Record<string, string>> {
  const latest = `envs/${env}/apps/${app}/clusters/${cluster}/namespaces/${ns}/releases/latest`;
  return (await (await suite.api).call<{ configurations: Record<string, string> }>("GET", latest)).configurations;
}

test("S8: a rollback shows its difference first, and the history then marks the newer release as abandoned", async () => {
  const { place } = await createReleased();
  const page = await suite.open(`/a/${place.app}/history?ns=application&kind=publish`);
  const second = page.getByRole("listitem").filter({ hasText: "second" });
  await expect.poll(() => second.innerText()).toMatch(/apollo · (now|\d)/);
  await second.getByRole("link", { name: "Roll back to this…" }).click();
  await page.getByRole("heading", { name: "Roll back" }).waitFor();
  await page.getByRole("region", { name: "rate" }).waitFor();
  expect(await live(place)).toEqual({ limit: "3", rate: "9" });
  await page.getByRole("button", { name: "Roll back DEV" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back DEV" }).click();
  await page.getByText("2 of 2 done").waitFor();
  expect(await live(place)).toEqual({ limit: "2" });
  // The withdrawn values are not published again by accident.
  expect(await stored(place)).toEqual({ limit: "2" });
  await page.getByRole("link", { name: "History of the namespace" }).click();
  await page.getByRole("listitem").filter({ hasText: "Rolled back" }).filter({ hasText: "second" }).waitFor();
  await page.getByRole("listitem").filter({ hasText: "third" }).filter({ hasText: "abandoned" }).waitFor();
});

test("S8: after a rollback the stored values can be kept as unpublished changes", async () => {
  const { place, ids } = await createReleased();
  const page = await suite.open(`/a/${place.app}/rollback/DEV/${ids[2]}?to=${ids[0]}`);
  await page.getByText("Keep all stored values").click();
  await page.getByRole("button", { name: "Roll back DEV" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back DEV" }).click();
  await page.getByText("1 of 1 done").waitFor();
  expect(await live(place)).toEqual({ limit: "1" });
  expect(await stored(place)).toEqual({ limit: "3", rate: "9" });
});

test("a rollback shows which unpublished values it replaces, and is refused once there are newer ones", async () => {
  const { place, ids } = await createReleased();
  const api = await suite.api;
  await api.setItem(place, { key: "limit", value: "seen" });
  const page = await suite.open(`/a/${place.app}/rollback/DEV/${ids[2]}?to=${ids[0]}`);
  await page.getByRole("button", { name: "Roll back DEV" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("1 unpublished change is lost").waitFor();
  await dialog.getByRole("region", { name: "limit" }).getByText("seen").waitFor();
  await api.setItem(place, { key: "limit", value: "newer" });
  await dialog.getByRole("button", { name: "Roll back DEV" }).click();
  await page.getByText("2 failed").waitFor();
  expect([await live(place), await stored(place)]).toEqual([
    { limit: "3", rate: "9" },
    { limit: "newer", rate: "9" },
  ]);
  await page.getByRole("button", { name: "Review again" }).click();
  await page.getByRole("button", { name: "Roll back DEV" }).click();
  await dialog.getByRole("region", { name: "limit" }).getByText("newer").waitFor();
  await dialog.getByRole("button", { name: "Roll back DEV" }).click();
  await page.getByText("2 of 2 done").waitFor();
  expect([await live(place), await stored(place)]).toEqual([{ limit: "1" }, { limit: "1" }]);
});

test("single keys are rolled back as unpublished changes", async () => {
  const { place, ids } = await createReleased();
  const page = await suite.open(`/a/${place.app}/rollback/DEV/${ids[2]}?to=${ids[0]}`);
  await page.getByRole("checkbox", { name: "rate" }).uncheck();
  await page.getByRole("button", { name: "Store 1 key as unpublished change" }).click();
  await page.getByText("1 key is stored").waitFor();
  expect(await live(place)).toEqual({ limit: "3", rate: "9" });
  expect(await stored(place)).toEqual({ limit: "1", rate: "9" });
});

test("from the difference of two releases, chosen keys get their earlier values, and only those are published", async () => {
  const { place } = await createReleased();
  const page = await suite.open(`/a/${place.app}/history?ns=application`);
  await page.getByRole("button", { name: "Published third" }).click();
  await page.getByRole("link", { name: "Roll back these keys…" }).click();
  await page.getByRole("checkbox", { name: "rate" }).uncheck();
  await page.getByRole("button", { name: "Store 1 key as unpublished change" }).click();
  await page.getByRole("link", { name: "Review and publish" }).click();
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
  expect(await live(place)).toEqual({ limit: "2", rate: "9" });
  // Also the only changed key is stored, and never the whole release rolled back.
  await page.goto(`/a/${place.app}/history?ns=application`);
  await page.getByRole("button", { name: "Published second" }).click();
  await page.getByRole("link", { name: "Roll back this key…" }).click();
  await page.getByRole("button", { name: /^Store .* as unpublished change/ }).waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Roll back DEV" }).count()).toBe(0);
});

test("any two releases are compared, and the address keeps the choice", async () => {
  const { place, ids } = await createReleased();
  const page = await suite.open(`/a/${place.app}/history?ns=application`);
  await page.getByRole("button", { name: "Published third" }).click();
  await page.getByRole("region", { name: "rate" }).waitFor();
  await page.getByLabel("From").selectOption(String(ids[0]));
  await page.getByRole("region", { name: "limit" }).getByText("1", { exact: true }).nth(1).waitFor();
  const { searchParams } = new URL(page.url());
  expect(searchParams.get("against")).toBe(String(ids[0]));
  await page.reload();
  await page.getByRole("region", { name: "limit" }).waitFor();
});

test("the history of a key shows each value, and an earlier one is stored again", async () => {
  const { place } = await createReleased();
  const page = await suite.open(`/a/${place.app}/history?ns=application&key=limit`);
  const values = page.getByRole("listitem").filter({ hasText: "Published" });
  await values.first().waitFor();
  await expect.poll(() => values.count()).toBe(3);
  await values.last().getByRole("button", { name: "Restore this value" }).click();
  await page.getByText("The value is stored.").waitFor();
  const items = await (await suite.api).items(place);
  expect(items.find(({ key }) => key === "limit")).toMatchObject({ value: "1", comment: "a comment" });
});

test("the history of a key is shown in each namespace that had it, by person and kind", async () => {
  const { place } = await createReleased();
  const api = await suite.api;
  for (const ns of ["limits", "other"]) await api.createNamespace(place.app, ns);
  const colleague = await suite.as("colleague");
  for (const ns of ["application", "limits"]) {
    await api.grant({ app: place.app, ns }, "ModifyNamespace", colleague.user);
    await colleague.setItem({ ...place, ns }, { key: "limit", value: `of ${ns}` });
  }
  const page = await suite.open(`/a/${place.app}/history`);
  await page.getByRole("textbox", { name: "Key" }).fill("limit");
  const sections = page.getByRole("region", { name: "History of the key" });
  await sections.filter({ hasText: "limits" }).waitFor();
  await expect.poll(() => sections.count()).toBe(2);
  await page.getByRole("textbox", { name: "Person" }).fill("colleague");
  await page.getByLabel("Kind").selectOption("Edits");
  await expect.poll(() => sections.getByRole("listitem").count()).toBe(2);
  await sections.getByText("of application").waitFor();
  await page.getByLabel("Kind").selectOption("Publishes");
  await page.getByText("Nothing matches the filter.").waitFor();
  await page.getByLabel("Kind").selectOption("All kinds");
  await page.getByLabel("Namespace").selectOption("limits");
  await expect.poll(() => sections.count()).toBe(1);
  const { searchParams } = new URL(page.url());
  expect(Object.fromEntries(searchParams)).toMatchObject({ key: "limit", by: "colleague", ns: "limits" });
});

test("the history is filtered by time, and does not offer entries that are too old", async () => {
  const { place } = await createReleased();
  const page = await suite.open(`/a/${place.app}/history?ns=application`);
  // As if the browser were opened two days later.
  await page.clock.install({ time: Date.now() + 2 * 24 * 60 * 60 * 1000 });
  await page.reload();
  await page.getByRole("button", { name: "Published third" }).waitFor();
  await page.getByLabel("Time").selectOption("In the last 24 hours");
  await page.getByText("Nothing matches the filter.").waitFor();
  expect(new URL(page.url()).searchParams.get("within")).toBe("24h");
  await page.getByLabel("Time").selectOption("In the last 7 days");
  await page.getByRole("button", { name: "Published third" }).waitFor();
});

test("a user without permission to publish is not offered a rollback", async () => {
  const { place, ids } = await createReleased();
  await suite.as("reader");
  const page = await suite.open(`/a/${place.app}/history?ns=application`, { as: "reader" });
  await page.getByText("third").first().waitFor();
  await expect.poll(() => page.getByRole("link", { name: "Roll back to this…" }).count()).toBe(0);
  await page.goto(`/a/${place.app}/rollback/DEV/${ids[2]}?to=${ids[0]}`);
  await page.getByText("You do not have permission to publish here.").filter({ visible: true }).waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Roll back DEV" }).isDisabled()).toBe(true);
});

test("history, difference and rollback are accessible in both themes and widths", async () => {
  const { place, ids } = await createReleased();
  const page = await suite.open(`/a/${place.app}/history`);
  await page.getByRole("button", { name: "Published third" }).waitFor();
  await expectAccessibleInAllViews(page);
  await page.getByRole("button", { name: "Published third" }).click();
  await page.getByRole("region", { name: "rate" }).waitFor();
  await expectAccessibleInAllViews(page);
  await page.goto(`/a/${place.app}/rollback/DEV/${ids[2]}?to=${ids[0]}`);
  await page.getByRole("region", { name: "rate" }).waitFor();
  await expectAccessibleInAllViews(page);
});

test("what is live is marked at its publish, and nothing where nothing has been published", async () => {
  const { place } = await createReleased();
  const api = await suite.api;
  await api.setItem(place, { key: "limit", value: "4" });
  await api.createNamespace(place.app, "draft");
  await api.setItem({ ...place, ns: "draft" }, { key: "limit", value: "1" });
  const page = await suite.open(`/a/${place.app}/history`);
  const entries = page.locator("main").getByRole("listitem");
  await entries.filter({ hasText: "draft" }).filter({ hasText: "Edited" }).first().waitFor();
  const live = entries.filter({ has: page.getByText("Live", { exact: true }) });
  await expect.poll(() => live.count()).toBe(1);
  await live.filter({ hasText: "Published third" }).waitFor();
});
