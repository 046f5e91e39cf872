// SEC-16: text of users that looks like markup, in each place where people can write some, is shown
// as text. Markup that reached a page would run, or the content security policy would refuse it with
// an error in the console, on which every test here fails.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { namespacePath, type Place } from "./support/api";
import { useSuite } from "./support/suite";

const suite = useSuite();

const RAN = "castaliaRan";
/** Text that runs when it is used as HTML, as an attribute, as an address or as a script. */
const PAYLOADS = [
  `<img src=x onerror="window.${RAN}=1">`,
  `"><svg/onload=window.${RAN}=1>`,
  `'-(window.${RAN}=1)-'`,
  `</script><script>window.${RAN}=1</script>`,
  `javascript:window.${RAN}=1`,
  `{{constructor.constructor("window.${RAN}=1")()}}`,
];
const TEXT = PAYLOADS.join(" ");

/** Waits until the page shows something, and loads nothing more. */
async function loaded(page: Page): Promise<void> {
  const state = () =>
    page.evaluate(() => ({
      isEmpty: document.body.innerText.trim() === "",
      isLoading: document.querySelector(".mantine-Skeleton-root, .mantine-Loader-root") !== null,
    }));
  await expect.poll(state, { timeout: 10_000 }).toEqual({ isEmpty: false, isLoading: false });
}

/** An app whose every text is hostile, with a release, a gray release and unpublished changes. */
async function createHostile(): Promise<Place> {
  const [app, api] = [await suite.createApp(), await suite.api];
  const place = { app, env: "DEV", cluster: "default", ns: "application" };
  const info = await api.call<Record<string, unknown>>("GET", `apps/${app}`);
  await api.call("PUT", `apps/${app}`, { ...info, name: PAYLOADS[0], orgName: PAYLOADS[1] });
  for (const [index, payload] of PAYLOADS.entries()) {
    await api.setItem(place, { key: `${index}.${payload}`, value: TEXT, comment: payload });
  }
  await api.call("POST", `${namespacePath(place)}/releases`, {
    releaseTitle: PAYLOADS[0],
    releaseComment: PAYLOADS[3],
    releasedBy: "apollo",
  });
  await api.setItem(place, { key: `0.${PAYLOADS[0]}`, value: `${TEXT} changed`, comment: TEXT });
  await api.createNamespace(app, "page", "xml");
  await api.createNamespace(app, "list", "yaml");
  await api.call("PUT", `${namespacePath({ ...place, ns: "list.yaml" })}/items`, {
    configText: PAYLOADS.map((payload, index) => `k${index}: ${JSON.stringify(payload)}`).join("\n"),
    format: "yaml",
  });
  return place;
}

test("text that looks like markup is shown as text on each page", async () => {
  const { app } = await createHostile();
  const namespace = `/a/${app}/c/DEV/default/application`;
  const page = await suite.open("/");
  const visited = [
    "/",
    "/browse",
    `/a/${app}`,
    namespace,
    ...["text", "history", "instances", "live"].map((view) => `${namespace}?view=${view}`),
    `/a/${app}/c/DEV/default/list.yaml?view=text`,
    `/a/${app}/publish?t=DEV%3Adefault%3Aapplication`,
    `/a/${app}/compare?ns=application`,
    `/a/${app}/history?env=DEV&cluster=default&ns=application`,
    `/a/${app}/access`,
    `/a/${app}/settings/general`,
    "/admin/audit",
  ];
  for (const address of visited) {
    await page.goto(address);
    await loaded(page);
    expect(await page.evaluate(`window.${RAN}`), address).toBeUndefined();
    expect(await page.locator("main img[src=x], main svg[onload]").count(), address).toBe(0);
  }
  await page.goto(namespace);
  await page.getByRole("row", { name: `0.${PAYLOADS[0]}` }).waitFor();
  await page.keyboard.press("Control+k");
  const palette = page.getByRole("dialog", { name: "Search or run a command" });
  await palette.getByRole("combobox").fill("onerror");
  await palette.getByRole("option").first().waitFor();
  expect(await page.evaluate(`window.${RAN}`)).toBeUndefined();
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
    expect(await page.evaluate(`window.${RAN}`), address).toBeUndefined();
  }
});
