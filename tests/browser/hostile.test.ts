// SEC-16: text of users that looks like markup, in each place where people can write some, is shown
// as text. Markup that reached a page would run, or the content security policy would refuse it with
// an error in the console, on which every test here fails.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { placeIn, type Place } from "./support/api";
import * as hostile from "./support/hostile";
import { PAYLOADS, RAN } from "./support/hostile";
import { useSuite } from "./support/suite";

const suite = useSuite();

/** Waits until the page shows something, and loads nothing more. */
async function loaded(page: Page): Promise<void> {
  const state = () =>
    page.evaluate(() => ({
      isEmpty: document.body.innerText.trim() === "",
      isLoading: document.querySelector(".mantine-Skeleton-root, .mantine-Loader-root") !== null,
    }));
  await expect.poll(state).toEqual({ isEmpty: false, isLoading: false });
}

/** Scrolls through the page and all its lists. Returns what was shown. */
function readThrough(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const shown: string[] = [];
    const rendered = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
    const all = Array.from(document.querySelectorAll("html, main, main *"));
    const lists = all.filter(
      (list) =>
        list.scrollHeight > list.clientHeight + 1 &&
        (list.tagName === "HTML" || /auto|scroll/.test(getComputedStyle(list).overflowY)),
    );
    for (const list of lists) {
      for (let top = 0; top < list.scrollHeight; top += Math.max(list.clientHeight * 0.8, 100)) {
        list.scrollTop = top;
        await rendered();
        shown.push(document.body.textContent);
      }
    }
    return [document.body.textContent, ...shown].join("\n");
  });
}

/** Fails if a text ran, became an element, or led the page elsewhere. */
async function expectInert(page: Page, address: string): Promise<void> {
  await expect.poll(() => page.evaluate(`window.${RAN}`), { message: address }).toBeUndefined();
  const found =
    "main :is([onerror], [onload], [onfocus], [href*='ran='], [src*='ran='], script, iframe, object, embed, base)";
  expect(await page.locator(found).count(), address).toBe(0);
  const { pathname } = new URL(address, page.url());
  expect(new URL(page.url()).pathname, address).toBe(pathname);
}

/** Stores all texts in each field; returns a namespace with releases and unpublished changes. */
async function plant(): Promise<Place> {
  const [app, api] = [await suite.createApp(), await suite.api];
  const place = placeIn(app);
  await hostile.plantReleases(api, place);
  await hostile.plantItems(api, place);
  await hostile.plantApps(api);
  await hostile.plantNamespaces(api, app);
  await hostile.plantRequests(await suite.as("asks"), app);
  await hostile.plantClusters(api, await suite.createApp());
  await hostile.plantUsers(api);
  await hostile.plantConsumers(api);
  await hostile.plantSettings(api);
  await hostile.plantTokens(api);
  await hostile.plantWebhooks(api);
  await api.createNamespace(app, "list", "yaml");
  await api.setText({ ...place, ns: "list.yaml" }, PAYLOADS.map((it) => `- ${JSON.stringify(it)}`).join("\n"), "yaml");
  return place;
}

test("text that looks like markup is shown as text on each page", async () => {
  const { app } = await plant();
  const namespace = `/a/${app}/c/DEV/default/application`;
  const page = await suite.open("/");
  const elsewhere: string[] = [];
  page.on("request", (request) => {
    if (!request.url().startsWith(suite.castalia.portal)) elsewhere.push(request.url());
  });
  // Those that show all of them.
  for (const address of [
    "/browse",
    "/public",
    "/me/tokens",
    ...["users", "consumers", "settings", "tokens", "webhooks"].map((section) => `/admin/${section}`),
    `/a/${app}/access?requests=open`,
    `/a/${app}/publish?t=DEV%3Adefault%3Aapplication`,
    `/a/${app}/history?env=DEV&cluster=default&ns=application`,
    namespace,
  ]) {
    await page.goto(address);
    await loaded(page);
    const older = page.getByRole("button", { name: "Show older entries" });
    const missing = async () => {
      if ((await older.count()) > 0) await older.click();
      const shown = await readThrough(page);
      return PAYLOADS.filter((payload) => !shown.includes(payload.trim()));
    };
    await expect.poll(missing, { message: address, timeout: 60_000 }).toEqual([]);
    await expectInert(page, address);
  }
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Search or run a command" });
  await palette.getByRole("combobox").fill("onerror");
  await palette.getByRole("option").first().waitFor();
  await expectInert(page, namespace);
  for (const address of [
    `/a/${app}`,
    ...["text", "history", "instances", "live"].map((view) => `${namespace}?view=${view}`),
    `/a/${app}/c/DEV/default/list.yaml?view=text`,
    `/a/${app}/compare?ns=application`,
    `/a/${app}/access`,
    `/a/${app}/settings/general`,
    "/admin/audit",
  ]) {
    await page.goto(address);
    await loaded(page);
    await expectInert(page, address);
  }
  expect(elsewhere, "requests to other hosts").toEqual([]);
});

test("an address cannot bring text that runs", async () => {
  const app = await suite.createApp();
  const payload = encodeURIComponent(PAYLOADS[0] ?? "");
  const page = await suite.open(`/a/${app}/c/DEV/default/application?view=history&q=${payload}`);
  for (const address of [
    `/a/${app}/c/DEV/default/application?q=${payload}`,
    `/a/${payload}`,
    `/a/${app}/c/DEV/default/${payload}`,
    `/a/${app}/history?ns=${payload}`,
    `/config.html?#/appid=${payload}`,
    `/signin?next=${encodeURIComponent(`javascript:window.${RAN}=1`)}`,
  ]) {
    await page.goto(address);
    await loaded(page);
    // It throws while the page leads elsewhere.
    await expect.poll(() => page.evaluate(`window.${RAN}`), { message: address }).toBeUndefined();
  }
});
