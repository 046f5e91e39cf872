// Comparing environments and promoting between them: scenarios S16 and S17.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { placeIn, type Item } from "./support/api";
import { atRest, expectAccessible, expectAccessibleInAllViews, NARROW, useSuite } from "./support/suite";

const suite = useSuite({ environments: ["DEV", "PRO"], offline: ["FAT"] });

/** An app whose environments have other values, which are published. */
async function createDifferent(dev: Record<string, string>, pro: Record<string, string>): Promise<string> {
  const [app, api] = [await suite.createApp(), await suite.api];
  for (const [env, items] of [["DEV", dev] as const, ["PRO", pro] as const]) {
    for (const [key, value] of Object.entries(items)) await api.setItem(placeIn(app, env), { key, value });
    await api.publish(placeIn(app, env));
  }
  return app;
}

const values = (items: Item[]) => Object.fromEntries(items.map(({ key, value }) => [key, value]));
const cell = (page: Page, key: string, env: string) => page.getByRole("gridcell", { name: `${key} in ${env}` });

test("S16: differing keys are shown, equal ones are hidden, and one click copies a key as an unpublished change", async () => {
  const app = await createDifferent({ timeout: "200", same: "1" }, { timeout: "100", same: "1" });
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`);
  await cell(page, "timeout", "PRO").waitFor();
  await expect.poll(() => page.getByRole("rowheader", { name: "same" }).count()).toBe(0);
  await page.getByText("1 of 2 keys differ").waitFor();
  await cell(page, "timeout", "PRO").hover();
  await page.getByRole("button", { name: "Copy here" }).click();
  await page.getByText("Copied timeout to PRO.").waitFor();
  const api = await suite.api;
  expect(values(await api.items(placeIn(app, "PRO")))).toEqual({ timeout: "200", same: "1" });
  // Clients still read the live release.
  const release = await api.call<{ configurations: object }>(
    "GET",
    `envs/PRO/apps/${app}/clusters/default/namespaces/application/releases/latest`,
  );
  expect(release.configurations).toEqual({ timeout: "100", same: "1" });
  await page.getByText("All", { exact: true }).click();
  await page.getByRole("rowheader", { name: "same" }).waitFor();
  expect(new URL(page.url()).searchParams.get("show")).toBe("all");
});

test("S17: deletions are not chosen with a column, are included on demand, and are then applied", async () => {
  const app = await createDifferent({ a: "1", b: "2" }, { a: "0", old: "x" });
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`);
  await page.getByLabel("Choose all differing keys of PRO").click();
  await page.getByText("2 cells to promote").waitFor();
  await page.getByText("2 new or changed, 0 deletions").waitFor();
  await expect.poll(() => cell(page, "old", "PRO").getByRole("checkbox").isChecked()).toBe(false);
  await page.getByRole("button", { name: "Include deletions (1)" }).click();
  await expect.poll(() => cell(page, "old", "PRO").getByRole("checkbox").isChecked()).toBe(true);
  await page.getByRole("button", { name: "Preview promotion" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByText("1 key is deleted from the target.").waitFor();
  await expectAccessible(page);
  await dialog.getByRole("button", { name: "Promote to PRO" }).click();
  await dialog.getByText("1 of 1 done").waitFor();
  expect(values(await (await suite.api).items(placeIn(app, "PRO")))).toEqual({ a: "1", b: "2" });
  await dialog.getByRole("link", { name: "Review and publish" }).click();
  await page.waitForURL(`**/a/${app}/publish?t=PRO*`);
});

test("S17: without the deletion, the key of the target is kept", async () => {
  const app = await createDifferent({ a: "1" }, { a: "0", old: "x" });
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`);
  await page.getByLabel("Choose all differing keys of PRO").click();
  await page.getByRole("button", { name: "Preview promotion" }).click();
  await page.getByRole("button", { name: "Promote to PRO" }).click();
  await page.getByText("1 of 1 done").waitFor();
  expect(values(await (await suite.api).items(placeIn(app, "PRO")))).toEqual({ a: "1", old: "x" });
});

test("S16 by keyboard: arrows move between the cells, Space chooses, Enter shows the difference", async () => {
  const app = await createDifferent({ a: "1", b: "2" }, { a: "0", b: "0" });
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`);
  // The permission to edit is known after the values; until then no cell can be chosen.
  await cell(page, "b", "PRO").getByRole("checkbox").waitFor();
  await cell(page, "a", "PRO").focus();
  await page.keyboard.press("ArrowDown");
  const hasFocus = () => cell(page, "b", "PRO").evaluate((element) => element === document.activeElement);
  await expect.poll(hasFocus).toBe(true);
  await page.keyboard.press("Space");
  await page.getByText("1 cell to promote").waitFor();
  await expect.poll(() => cell(page, "b", "PRO").getByRole("checkbox").isChecked()).toBe(true);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").getByText("From PRO to DEV / default").waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await expect.poll(() => hasFocus()).toBe(true);
});

const DOCUMENTS = {
  yml: ["gateway:\n  timeout: 3000\n  retry: true\n", "gateway:\n  timeout: 4500\n  retry: true\n"],
  json: ['{"gateway":{"timeout":3000,"retry":true}}', '{"gateway":{"timeout":4500,"retry":true}}'],
  xml: ["<gateway><timeout>3000</timeout></gateway>", "<gateway><timeout>4500</timeout></gateway>"],
  txt: ["timeout 3000\nretry", "timeout 4500\nretry"],
};

test.each(Object.entries(DOCUMENTS))(
  "a %s document is compared, and promoted as a whole",
  async (format, documents) => {
    const [app, api] = [await suite.createApp(), await suite.api];
    await api.createNamespace(app, "pay", format);
    const ns = `pay.${format}`;
    const [dev = "", pro = ""] = documents;
    for (const [env, text] of [["DEV", dev] as const, ["PRO", pro] as const]) {
      await api.setText(placeIn(app, env, ns), text, format);
      await api.publish(placeIn(app, env, ns));
    }
    const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`);
    await cell(page, "content", "PRO").filter({ hasText: "Differs" }).hover();
    await page.getByRole("button", { name: "Diff" }).click();
    const difference = page.getByRole("dialog").getByRole("region", { name: "content" });
    await difference.getByText("removed").first().waitFor({ state: "attached" });
    if (format === "yml" || format === "json") {
      await page.getByRole("button", { name: "Key paths" }).click();
      await difference.getByText("gateway.timeout").waitFor();
      await expect.poll(() => difference.getByRole("listitem").count()).toBe(1);
      await expectAccessible(page);
    } else await expect.poll(() => page.getByRole("button", { name: "Key paths" }).count()).toBe(0);
    await page.keyboard.press("Escape");
    await page.getByLabel("Choose all differing keys of PRO").click();
    await page.getByRole("button", { name: "Preview promotion" }).click();
    await page.getByRole("dialog").getByRole("region", { name: "content" }).waitFor();
    await page.getByRole("button", { name: "Promote to PRO" }).click();
    await page.getByText("1 of 1 done").waitFor();
    expect(await api.items(placeIn(app, "PRO", ns))).toMatchObject([{ key: "content", value: dev }]);
  },
);

test("a column without permission to edit is read only", async () => {
  const app = await createDifferent({ a: "1" }, { a: "0" });
  await suite.as("publisher");
  await (await suite.api).grant({ app, env: "PRO", ns: "application" }, "ReleaseNamespace", "publisher");
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`, { as: "publisher" });
  await page.getByText("read only").waitFor();
  await cell(page, "a", "PRO").filter({ hasText: "Differs" }).waitFor();
  await expect.poll(() => page.getByRole("checkbox").count()).toBe(0);
});

test("a namespace that is hidden from the user is shown as hidden, without values", async () => {
  const app = await createDifferent({ a: "1" }, { a: "0" });
  await suite.as("outsider");
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`, { as: "outsider" });
  await page.getByText("hidden from you").waitFor();
});

test("a failed target is named with its reason, and only it is repeated", async () => {
  const app = await createDifferent({ a: "1" }, { a: "0" });
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`);
  await page.getByLabel("Choose all differing keys of PRO").click();
  await page.getByRole("button", { name: "Preview promotion" }).click();
  await page.route(
    "**/namespaces/application/changes",
    (route) => route.fulfill({ status: 500, body: `{"message":"out of order"}` }),
    {
      times: 1,
    },
  );
  await page.getByRole("button", { name: "Promote to PRO" }).click();
  await page.getByText("out of order").waitFor();
  await page.getByRole("button", { name: "Retry failed" }).click();
  await page.getByText("1 of 1 done").waitFor();
});

test("an offline environment is an unknown column, and the others are compared", async () => {
  const app = await createDifferent({ a: "1" }, { a: "0" });
  const page = await suite.open(`/a/${app}/compare?base=DEV`);
  await cell(page, "a", "FAT").filter({ hasText: "unknown" }).waitFor();
  await cell(page, "a", "PRO").filter({ hasText: "Differs" }).waitFor();
});

test("the draft side compares what is stored", async () => {
  const app = await createDifferent({ a: "1" }, { a: "1" });
  await (await suite.api).setItem(placeIn(app, "DEV"), { key: "a", value: "2" });
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`);
  await page.getByText("No difference to show. 1 key was compared.").waitFor();
  await page.getByText("Draft", { exact: true }).click();
  await cell(page, "a", "PRO").filter({ hasText: "Differs" }).waitFor();
});

test("on a narrow screen nothing covers the value, the draft or the buttons of a cell", async () => {
  const app = await createDifferent({ "checkout.cart.max-items": "1" }, { "checkout.cart.max-items": "0", old: "x" });
  const api = await suite.api;
  await api.setItem(placeIn(app, "PRO"), { key: "checkout.cart.max-items", value: "2" });
  await api.deleteItem(placeIn(app, "PRO"), "old");
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=PRO`, { width: NARROW });
  for (const key of ["checkout.cart.max-items", "old"]) {
    await cell(page, key, "PRO").getByText("draft", { exact: true }).waitFor();
    // The permission to edit is known after the values.
    await cell(page, key, "PRO").getByRole("checkbox").waitFor();
    await atRest(page);
    const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: key }) });
    const covered = await row.evaluate((one) => {
      const parts = Array.from(one.querySelectorAll(".chip, button, input, [class*=value]"));
      return parts.filter((part) => {
        const { left, right, top, height } = part.getBoundingClientRect();
        const ends = [left + 2, right - 2].map((x) => document.elementFromPoint(x, top + height / 2));
        return ends.some((found) => !part.contains(found));
      });
    });
    expect(covered, key).toEqual([]);
  }
  await cell(page, "checkout.cart.max-items", "PRO").getByRole("button", { name: "Diff" }).click();
  await page.getByRole("dialog").getByText("From PRO to DEV").waitFor();
});

test("on a narrow screen two clusters of an environment are told apart, and a long key breaks between its parts", async () => {
  const app = await createDifferent({ "checkout.gateway.connect-timeout-ms": "1" }, {});
  await (await suite.api).createCluster(app, "DEV", "fra1");
  const page = await suite.open(`/a/${app}/compare?base=DEV&with=DEV:fra1`, { width: NARROW });
  const row = page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: /connect-timeout/ }) });
  await row.getByText("DEV / default", { exact: true }).waitFor();
  await row.getByText("DEV / fra1", { exact: true }).filter({ visible: true }).waitFor();
  const broken = () =>
    row.getByRole("rowheader").evaluate((head) => {
      const texts = Array.from(head.childNodes).filter((node) => node.nodeType === Node.TEXT_NODE);
      const lines = texts.map((text) => {
        const range = document.createRange();
        range.selectNode(text);
        return range.getClientRects().length;
      });
      return lines.filter((count) => count !== 1);
    });
  await expect.poll(broken).toEqual([]);
});

test("the comparison is accessible in both themes and widths", async () => {
  const app = await createDifferent({ a: "1", b: "2", c: "3" }, { a: "0", old: "x", c: "3" });
  const page = await suite.open(`/a/${app}/compare?show=all`);
  await cell(page, "a", "PRO").filter({ hasText: "Differs" }).waitFor();
  await expectAccessibleInAllViews(page);
});
