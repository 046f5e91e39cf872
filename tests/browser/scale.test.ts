// Much data, only the keyboard, and a narrow screen: scenarios S14, S15, S35 and S37.
import type { Locator } from "playwright-core";
import { expect, test } from "vitest";

import { addressOf } from "./support/api";
import {
  atRest,
  expectAccessibleInAllViews,
  expectFits,
  NARROW,
  receiving,
  useSuite,
  watchCalls,
  WIDE,
} from "./support/suite";

const suite = useSuite();

const NAMESPACES = 150;
const KEYS = 5000;

test("S14: of many namespaces only those in view are rendered, and one is found by its name", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  for (let n = 0; n < NAMESPACES; n++) await api.createNamespace(at.app, `rules-${n}`);
  const page = await suite.open(`/a/${at.app}/c/DEV/default`);
  const list = page.getByRole("navigation", { name: "Namespaces" });
  await list.getByRole("link", { name: "rules-0" }).waitFor();
  await expect.poll(() => list.getByRole("listitem").count()).toBeLessThan(100);
  await list.getByRole("textbox").fill(`rules-${NAMESPACES - 1}`);
  await list.getByRole("link", { name: `rules-${NAMESPACES - 1}` }).click();
  await page.getByRole("heading", { name: `rules-${NAMESPACES - 1}` }).waitFor();
});

test("S15: five thousand keys are scrolled and filtered by value, and only rows in view are rendered", async () => {
  const at = await suite.createPlace();
  const lines = Array.from({ length: KEYS }, (_, n) => `key.${n} = value ${n}`);
  await (await suite.api).setText(at, lines.join("\n"));
  const page = await suite.open(addressOf(at));
  const rows = page.getByRole("grid", { name: "Items" }).getByRole("row");
  await page.getByText(`${KEYS} of ${KEYS}`).waitFor();
  await expect.poll(() => rows.count()).toBeLessThan(100);
  await rows.nth(1).focus();
  await page.keyboard.press("End");
  await page.getByRole("row", { name: `key.${KEYS - 1}` }).waitFor();
  await page.getByRole("textbox", { name: "Key, value, comment, person" }).fill("4321");
  await page.getByText(`1 of ${KEYS}`).waitFor();
  await page.getByRole("row", { name: "key.4321" }).waitFor();
});

test("S15: releases are listed without their values, and what one changed is read when it is opened", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  for (const value of ["first", "second"]) {
    const lines = Array.from({ length: 1000 }, (_, n) => `key.${n} = value ${n === 7 ? value : n}`);
    await api.setText(at, lines.join("\n"));
    await api.publish(at, value);
  }
  const page = await suite.open(addressOf(at));
  await page.getByText("1000 of 1000").waitFor();
  let characters = 0;
  // The items and the live release may be read again because of a late event of what was prepared.
  const count = (path: string, answer: string) => {
    if (/\/releases\/(?!latest)/.test(path)) characters += answer.length;
  };
  const isRead = (url: URL) => url.pathname.startsWith("/openapi/v1/") && !url.pathname.includes("/events");
  await page.route(isRead, async (route) => {
    const response = await route.fetch();
    const { pathname, searchParams } = new URL(route.request().url());
    // Reads that are sent together have a line each, with the index of their path.
    const paths = searchParams.get("paths")?.split("\n");
    const lines = paths ? (await response.text()).trim().split("\n") : [];
    for (const line of lines) count(paths?.[(JSON.parse(line) as { index: number }).index] ?? "", line);
    if (!paths) count(pathname, await response.text());
    await route.fulfill({ response });
  });
  await page.getByRole("link", { name: "Releases" }).click();
  await page.getByRole("button", { name: "Changes of second" }).click();
  await page.getByRole("region", { name: "key.7" }).getByText("second").waitFor();
  await expect.poll(() => page.getByRole("region", { name: /^key/ }).count()).toBe(1);
  await page.unrouteAll({ behavior: "wait" });
  expect(characters).toBeGreaterThan(0);
  // The values of one release are more than 20,000 characters.
  expect(characters).toBeLessThan(10_000);
});

test("S15: the views of a namespace can be reached beside many releases", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  for (let n = 0; n < 20; n++) {
    await api.setItem(at, { key: "limit", value: String(n) });
    await api.publish(at, `release-${n}`);
  }
  const page = await suite.open(`${addressOf(at)}?view=history`);
  await page.getByText("release-19", { exact: true }).last().waitFor();
  await page.getByRole("link", { name: "Table" }).click();
  await page.getByRole("row", { name: "limit" }).waitFor();
});

for (const locale of ["en-US", "zh-CN"]) {
  test(`S37: each view of a namespace and each right is in view on a narrow screen in ${locale}`, async () => {
    const at = await suite.createPlace();
    const page = await suite.open(addressOf(at), { width: NARROW, locale });
    const inView = async (parts: Locator) => {
      for (const part of await parts.all()) {
        const box = await part.boundingBox();
        expect(box && box.x >= 0 && box.x + box.width, await part.innerText()).toBeLessThanOrEqual(NARROW);
      }
      return parts.count();
    };
    await page.locator("main nav a").first().waitFor();
    await expect.poll(() => inView(page.locator("main nav a"))).toBe(6);
    await page.goto(`/a/${at.app}/access`);
    await page.getByRole("checkbox").first().waitFor();
    // Administrator, and two rights in all environments and in DEV.
    await expect.poll(() => inView(page.locator("label:has([type=checkbox])"))).toBe(5);
  });
}

test("S35: adding, editing, publishing and rolling back need only the keyboard", async () => {
  const at = await suite.createPlace();
  const page = await suite.open("/");
  // Of each edit, the server tells the page a moment later, which then reads the namespace again.
  await page.addInitScript(() => {
    const told = Object.assign(window, { edits: 0 });
    window.EventSource = class extends EventSource {
      constructor(url: string | URL) {
        super(url);
        this.addEventListener("edit", () => told.edits++);
      }
    };
  });
  await receiving(page, () => page.goto(addressOf(at)));
  const press = (...keys: string[]) =>
    keys.reduce((done, key) => done.then(() => page.keyboard.press(key)), Promise.resolve());
  /** Publishes the only edit since the page was loaded. */
  const publish = async () => {
    const calls = watchCalls(page);
    await press("p");
    await page.getByRole("heading", { name: "Review and publish" }).waitFor();
    // The button takes no key while the namespace is read again.
    await page.waitForFunction(() => (window as { edits?: number }).edits);
    const button = page.getByRole("button", { name: "Publish to DEV", exact: true, disabled: false });
    const isReady = async () => {
      await atRest(page);
      return calls.open.size === 0 && (await button.count()) === 1;
    };
    await expect.poll(isReady, { timeout: 60_000 }).toBe(true);
    await button.press("Enter");
    await page.getByText("Published to DEV").waitFor();
    const releases = calls.sent.filter((call) => call.method() === "POST" && call.url().endsWith("/releases"));
    expect(releases.map((call) => call.url())).toHaveLength(1);
    calls.stop();
  };
  await page.getByRole("button", { name: "Add key" }).waitFor();
  await press("a");
  const form = page.getByRole("dialog");
  await form.locator("input:focus").waitFor();
  await page.keyboard.type("limit");
  await press("Tab", "Tab");
  await page.keyboard.type("100");
  await press("Control+Enter");
  await form.waitFor({ state: "hidden" });
  await publish();
  await receiving(page, () => page.goto(addressOf(at)));
  await page.getByRole("row", { name: "limit" }).focus();
  await press("e");
  await form.locator(":focus").waitFor();
  // The focus stays in the dialog.
  for (let n = 0; n < 12; n++) {
    await press("Tab");
    expect(await page.evaluate(() => document.activeElement?.closest("[role=dialog]") !== null)).toBe(true);
  }
  await form.getByLabel("Value").focus();
  await press("Control+a");
  await page.keyboard.type("150");
  await press("Control+Enter");
  await page.getByText("1 unpublished change in application").waitFor();
  await publish();
  await page.goto(`/a/${at.app}/history?env=DEV&cluster=default&ns=application`);
  await page.getByRole("link", { name: "Roll back to this…" }).first().press("Enter");
  await page.getByRole("button", { name: "Roll back DEV", disabled: false }).press("Enter");
  await page.getByRole("dialog").getByRole("button", { name: "Roll back DEV" }).press("Enter");
  await page.getByText("2 of 2 done").waitFor();
  await expect.poll(() => suite.served(at)).toEqual({ limit: "100" });
});

test("S35: a key that is pressed in the moment in which a form closes takes effect", async () => {
  const at = await suite.createPlace();
  const page = await suite.open(addressOf(at));
  await page.getByRole("button", { name: "Add key" }).press("Enter");
  const form = page.getByRole("dialog");
  await form.getByLabel("Key").fill("limit");
  await form.getByLabel("Value").fill("100");
  // Before the browser paints the page without the form.
  await page.evaluate(() => {
    const changed = () => {
      if (document.querySelector("[role=dialog]")) return;
      observer.disconnect();
      const target = document.activeElement ?? document.body;
      target.dispatchEvent(new KeyboardEvent("keydown", { key: "p", bubbles: true }));
    };
    const observer = new MutationObserver(changed);
    observer.observe(document.body, { childList: true, subtree: true });
  });
  await page.keyboard.press("Control+Enter");
  await page.getByRole("heading", { name: "Review and publish" }).waitFor();
});

test("S37: a narrow screen reads, publishes and rolls back without scrolling sideways", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  await api.publish(at);
  await api.setItem(at, { key: "limit", value: "a long value ".repeat(40) });
  const page = await suite.open(addressOf(at), { width: NARROW });
  await page.getByRole("row", { name: "limit" }).waitFor();
  await expectFits(page);
  await page.getByRole("link", { name: "Review and publish" }).click();
  await page.getByRole("button", { name: "Publish to DEV" }).waitFor();
  await expectFits(page);
  await page.getByRole("button", { name: "Publish to DEV" }).click();
  await page.getByText("Published to DEV").waitFor();
  await expectFits(page);
  await page.goto(`/a/${at.app}/history?env=DEV&cluster=default&ns=application`);
  await page.getByRole("link", { name: "Roll back to this…" }).first().click();
  await page.getByRole("button", { name: "Roll back DEV" }).waitFor();
  await expectFits(page);
  await page.getByRole("button", { name: "Roll back DEV" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Roll back DEV" }).click();
  await page.getByText("2 of 2 done").waitFor();
  await expectFits(page);
});

test("a narrow screen has the first key in its upper third, and what is beside the filter behind one button", async () => {
  const at = await suite.createPlace();
  await (await suite.api).setItem(at, { key: "limit", value: "1" });
  await (await suite.api).publish(at);
  const page = await suite.open(addressOf(at), { width: NARROW });
  const row = page.getByRole("row", { name: "limit" });
  await expect.poll(async () => (await row.boundingBox())?.y).toBeLessThanOrEqual(300);
  const others = ["Filter by type and time", /^Changed /, "Sort", "Copy as", /^Restore/, "Paste"];
  for (const name of others) {
    await expect.poll(() => page.getByRole("button", { name }).isVisible(), { message: `${name}` }).toBe(false);
  }
  await expect.poll(() => page.getByRole("button", { name: "Add key" }).isVisible()).toBe(true);
  await page.getByRole("button", { name: "Filters and actions" }).click();
  for (const name of others) await page.getByRole("button", { name }).waitFor();
  await expectAccessibleInAllViews(page);
  // Environment and namespace are chosen in one line.
  await page.setViewportSize({ width: NARROW, height: 900 });
  const [env, ns] = [page.getByLabel("Environment and cluster"), page.getByLabel("Namespaces", { exact: true })];
  const selects = [env, ns].map((one) => one.and(page.locator("select")));
  const distance = async () => {
    const [first, second] = await Promise.all(selects.map((one) => one.boundingBox()));
    return (first?.y ?? NaN) - (second?.y ?? NaN);
  };
  await expect.poll(distance).toBe(0);
});

test("a key is shown to its end where long keys differ, on wide and on narrow screens", async () => {
  const at = await suite.createPlace();
  const key = "service.component.with.a.rather.long.name.limit";
  await (await suite.api).setItem(at, { key, value: "1" });
  for (const width of [WIDE, NARROW]) {
    const page = await suite.open(addressOf(at), { width });
    const cell = page.locator(`main [title="${key}"]`);
    await cell.waitFor();
    const cut = () =>
      cell.evaluate((one) => {
        const parts = [one, ...Array.from(one.children)];
        return Math.max(
          ...parts.flatMap((part) => [part.scrollWidth - part.clientWidth, part.scrollHeight - part.clientHeight]),
        );
      });
    await expect.poll(cut, { message: `${width}` }).toBeLessThanOrEqual(1);
  }
});
