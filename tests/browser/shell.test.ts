// The frame of all pages: sign-out, the session that ends, the palette, display, old addresses:
// scenarios S3, S36, S38, S39.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { addressOf, placeIn } from "./support/api";
import { PASSWORD } from "./support/server";
import { expectAccessible, expectAccessibleInAllViews, useSuite } from "./support/suite";

const suite = useSuite({ environments: ["DEV", "PRO"], offline: ["FAT"] });

/** In the page: presses keys where the focus is. */
const typeAtOnce = (keys: string[]) => {
  for (const key of keys) {
    const target = document.activeElement ?? document.body;
    target.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  }
};

/** Ends the session of the page on the server. */
async function endSession(page: Page) {
  await page.request.get("/user/logout");
}

test("S3: after the sign-out, the back button shows no data", async () => {
  const app = await suite.createApp();
  const page = await suite.open("/", { as: "leaver" });
  await page.goto(`/a/${app}`);
  await page.getByRole("heading", { name: app, exact: true }).waitFor();
  await page.getByRole("button", { name: "Account of leaver" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goBack();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await expect.poll(() => page.getByRole("heading", { name: app, exact: true }).count()).toBe(0);
});

test("a session that ends is renewed over the page, and the failed call is repeated", async () => {
  const app = await suite.createApp();
  const page = await suite.open("/", { as: "returner" });
  await page.getByText("You have no role in an app yet.").waitFor();
  await endSession(page);
  await page.getByRole("link", { name: "All apps" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Your session has expired" });
  await dialog.waitFor();
  await expectAccessible(page);
  await dialog.getByLabel("Password", { exact: true }).fill("wrong");
  await page.keyboard.press("Enter");
  await dialog.getByRole("alert").waitFor();
  await dialog.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.keyboard.press("Enter");
  await dialog.waitFor({ state: "hidden" });
  await page.getByRole("link", { name: app, exact: true }).waitFor();
  await expect.poll(() => new URL(page.url()).pathname).toBe("/browse");
});

test("another user who signs in over the page gets a new page", async () => {
  await suite.as("second");
  const page = await suite.open("/?tab=recent", { as: "first" });
  await page.getByText("Apps that you open appear here.").waitFor();
  await endSession(page);
  await page.getByRole("link", { name: "All apps" }).first().click();
  const dialog = page.getByRole("dialog", { name: "Your session has expired" });
  await dialog.getByLabel("User name").fill("second");
  await dialog.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("button", { name: "Account of second" }).waitFor();
  await expect.poll(() => new URL(page.url()).pathname).toBe("/");
});

test("nothing is written as another user who signs in in another tab, and the page is left", async () => {
  const at = await suite.createPlace();
  const api = await suite.api;
  await api.setItem(at, { key: "limit", value: "100" });
  const { session, user } = await suite.as("successor");
  await api.grant(at, "ModifyNamespace", user);
  const page = await suite.open(addressOf(at));
  await page.getByRole("button", { name: "limit", exact: true }).click();
  await page.getByLabel("Value", { exact: true }).fill("300");
  await page.context().addCookies([{ name: "SESSION", value: session, url: suite.castalia.portal }]);
  page.on("dialog", (dialog) => void dialog.accept());
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Account of successor" }).waitFor();
  await expect.poll(() => new URL(page.url()).pathname).toBe("/");
  expect(await api.items(at)).toMatchObject([{ key: "limit", value: "100" }]);
});

test("S39: the palette finds apps, namespaces and keys of each environment, and Enter opens the row", async () => {
  const api = await suite.api;
  await api.createApp("lookup.timeout", "Look-up");
  await api.createNamespace("lookup.timeout", "lookup.timeouts");
  const other = await suite.createApp();
  await api.createNamespace(other, "my.lookup.timeout");
  for (const env of ["DEV", "PRO"]) {
    const place = placeIn("lookup.timeout", env);
    await api.setItem(place, { key: "lookup.timeout", value: "3000" });
  }
  const page = await suite.open("/a/lookup.timeout");
  await page.getByRole("heading", { name: "Look-up" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("lookup.timeout");
  const results = page.getByRole("listbox");
  const group = (name: string) => results.getByRole("group", { name });
  await group("Keys").getByText("lookup.timeout / PRO / default / application").waitFor();
  await group("Apps").getByText("Look-up").waitFor();
  await group("Namespaces").getByText("lookup.timeouts").waitFor();
  await group("Namespaces").getByRole("option").filter({ hasText: "my.lookup.timeout" }).getByText(other).waitFor();
  await expect.poll(() => group("Keys").getByRole("option").count()).toBe(2);
  await page.getByRole("combobox").fill("key:lookup.timeout env:PRO");
  await group("Apps").waitFor({ state: "detached" });
  await expect.poll(() => results.getByRole("option").count()).toBe(1);
  await page.keyboard.press("Enter");
  await page.waitForURL("**/a/lookup.timeout/c/PRO/default/application?f=lookup.timeout*");
  await page.getByRole("main").getByText("lookup.timeout", { exact: true }).waitFor();
});

test("the palette runs commands", async () => {
  const page = await suite.open("/");
  await page.getByRole("heading", { name: "Apps" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("> preferences");
  await page.getByRole("option", { name: "Preferences" }).waitFor();
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Preferences" }).waitFor();
});

test("the palette works while the page loads its other dialogs", async () => {
  const page = await suite.open("/");
  let load = () => {};
  const isLoaded = new Promise<void>((resolve) => (load = resolve));
  await page.route(/\/Toasts[^/]*\.js/, (route) => isLoaded.then(() => route.continue()));
  // The page is idle only when the test says so.
  await page.addInitScript(() => {
    window.requestIdleCallback = (callback) => {
      addEventListener("idle-now", () => callback({ didTimeout: false, timeRemaining: () => 50 }));
      return 1;
    };
  });
  await page.reload();
  await page.getByRole("heading", { name: "Apps" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("> preferences");
  await page.getByRole("option", { name: "Preferences" }).waitFor();
  const loading = page.waitForRequest(/\/Toasts/);
  await page.evaluate(() => dispatchEvent(new Event("idle-now")));
  await loading;
  await page.getByRole("option", { name: "Preferences" }).click();
  await page.getByRole("heading", { name: "Preferences" }).waitFor();
  load();
});

test("Enter opens what is typed, however early it is pressed", async () => {
  const api = await suite.api;
  for (const id of ["early.riser", "early.bird"]) await api.createApp(id, id);
  const page = await suite.open("/");
  await page.getByRole("heading", { name: "Apps" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("> preferences");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Preferences" }).waitFor();
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill("early.riser");
  await page.getByRole("group", { name: "Apps" }).getByText("early.riser").waitFor();
  // The entries of the text before stay until those of the new one are found.
  await page.getByRole("combobox").fill("early.bird");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "early.bird", exact: true }).waitFor();
});

test("the palette and its keys lead from a namespace to each place of its app", async () => {
  const app = await suite.createApp();
  const namespace = `/a/${app}/c/DEV/default/application`;
  const page = await suite.open(namespace);
  const palette = page.getByRole("dialog", { name: "Search or run a command" });
  const shown = (name: string) => page.getByRole("heading", { name, exact: true }).waitFor();
  const places = [
    ["Review and publish", "p", `/a/${app}/publish?t=DEV%3Adefault%3Aapplication`],
    ["Compare", "g c", `/a/${app}/compare?ns=application`],
    ["History", "g y", `/a/${app}/history?env=DEV&cluster=default&ns=application`],
    ["Access", "g p", `/a/${app}/access`],
    ["Settings", "g s", `/a/${app}/settings/general`],
    ["New namespace", null, `/a/${app}/new-namespace`],
    ["Instances", null, `${namespace}?view=instances`],
    ["Text", "t", `${namespace}?view=text`],
  ] as const;
  const reached = () => page.evaluate(() => location.pathname + location.search);
  for (const [name, keys, address] of places) {
    await shown("application");
    await page.keyboard.press("Control+k");
    await palette.getByRole("combobox").fill(`> ${name}`);
    const option = palette.getByRole("option").filter({ has: page.getByText(name, { exact: true }) });
    await option.waitFor();
    if (keys !== null) expect(await option.locator("kbd").innerText()).toBe(keys);
    await option.click();
    await expect.poll(reached).toBe(address);
    await page.goto(namespace);
    await shown("application");
    if (keys === null) continue;
    const [first = "", ...rest] = keys.split(" ");
    // At once: the first key of two is forgotten after a second.
    if (rest.length > 0) await page.evaluate(typeAtOnce, [first, ...rest]);
    else await page.keyboard.press(first);
    await expect.poll(reached).toBe(address);
    await page.goto(namespace);
  }
  await page.getByRole("button", { name: "Add key" }).waitFor();
  await page.keyboard.press("Control+k");
  await palette.getByRole("combobox").fill("> Add key");
  await palette.getByRole("option", { name: "Add key" }).click();
  await page.getByRole("dialog", { name: "Add key" }).waitFor();
});

test("S36: the theme follows the system, and a choice persists", async () => {
  const page = await suite.open("/me/preferences", { theme: "dark", as: "in-light" });
  await page.getByRole("heading", { name: "Preferences" }).waitFor();
  const scheme = () => page.locator("html").getAttribute("data-mantine-color-scheme");
  await expect.poll(scheme).toBe("dark");
  await page.getByText("Light", { exact: true }).click();
  await expect.poll(scheme).toBe("light");
  await page.reload();
  await page.getByRole("heading", { name: "Preferences" }).waitFor();
  await expect.poll(scheme).toBe("light");
});

test("S38: the language changes without a reload, also of refusals", async () => {
  const page = await suite.open("/a/no-such-app", { as: "in-chinese" });
  await page.getByText("This app does not exist.").waitFor();
  await page.evaluate("window.kept = true");
  await page.getByRole("button", { name: "中文" }).click();
  await page.getByText("此应用不存在。").waitFor();
  expect(await page.evaluate("window.kept")).toBe(true);
  await expect.poll(() => page.locator("html").getAttribute("lang")).toBe("zh");
  await page.reload();
  await page.getByText("此应用不存在。").waitFor();
});

test("preferences are there in another browser, whatever was chosen in it before", async () => {
  const kept = (page: Page) =>
    page.waitForResponse(
      (answer) =>
        answer.request().method() === "PUT" && answer.url().endsWith("/openapi/v1/preferences") && answer.ok(),
    );
  const shown = (page: Page) =>
    page.evaluate(() => {
      const { lang, dataset } = document.documentElement;
      return [lang, dataset.mantineColorScheme, dataset.density];
    });
  const page = await suite.open("/me/preferences", { as: "of-two-browsers" });
  for (const choice of ["Dark", "Compact", "中文"]) {
    await page.getByRole("heading", { name: "Preferences" }).waitFor();
    await Promise.all([kept(page), page.getByRole("main").getByText(choice, { exact: true }).click()]);
  }
  await page.getByLabel("单键快捷键").waitFor();
  const other = await suite.open("/signin", { as: null });
  await other.getByRole("button", { name: "中文" }).click();
  await other.getByRole("button", { name: "English" }).click();
  await other.getByLabel(/user name/i).fill("of-two-browsers");
  await other.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await other.getByRole("button", { name: "Sign in", exact: true }).click();
  await other.getByRole("searchbox").waitFor();
  await expect.poll(() => shown(other)).toEqual(["zh", "dark", "compact"]);
  // The copy in the browser is for the pages before the sign-in.
  await other.goto("/user/logout");
  await other.getByRole("button", { name: "English" }).waitFor();
  await expect.poll(async () => (await shown(other)).slice(0, 2)).toEqual(["zh", "dark"]);
});

test("single-key shortcuts can be switched off", async () => {
  const user = (await suite.as("without-shortcuts")).user;
  const page = await suite.open("/me/preferences", { as: user });
  await page.getByRole("heading", { name: "Preferences" }).waitFor();
  await page.keyboard.press("?");
  const list = page.getByRole("dialog", { name: "Keyboard shortcuts" });
  await list.waitFor();
  await expectAccessible(page);
  await page.keyboard.press("Escape");
  await list.waitFor({ state: "hidden" });
  await page.getByLabel("Single-key shortcuts").uncheck();
  await page.getByRole("heading", { name: "Preferences" }).click();
  await page.keyboard.press("?");
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").waitFor();
  await expect.poll(() => list.count()).toBe(0);
  // Also those of a namespace.
  const app = await suite.createApp();
  await (await suite.api).grant({ app, ns: "application" }, "ModifyNamespace", user);
  await page.goto(`/a/${app}/c/DEV/default/application`);
  await page.getByRole("button", { name: "Add key" }).waitFor();
  await page.keyboard.press("p");
  await page.keyboard.press("a");
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog").getByRole("combobox").waitFor();
  await expect.poll(() => page.getByRole("dialog", { name: "Add key" }).count()).toBe(0);
  expect(new URL(page.url()).pathname).toBe(`/a/${app}/c/DEV/default/application`);
});

test("old addresses lead to the same thing, and unknown ones to a message", async () => {
  const app = await suite.createApp();
  const page = await suite.open(`/config.html#/appid=${app}&env=DEV&cluster=default&namespace=application`);
  await page.getByRole("heading", { name: "application" }).waitFor();
  expect(new URL(page.url()).pathname).toBe(`/a/${app}/c/DEV/default/application`);
  await page.goto("/config.html?#/env=DEV");
  await page.getByText("This link is from the old portal and no longer leads anywhere.").waitFor();
  expect(new URL(page.url()).pathname).toBe("/");
});

test("palette and preferences are accessible in both themes and widths", async () => {
  const page = await suite.open("/me/preferences");
  await page.getByRole("heading", { name: "Preferences" }).waitFor();
  await expectAccessibleInAllViews(page);
  await page.keyboard.press("Control+k");
  await page.getByRole("option", { name: "All apps" }).waitFor();
  const list = await page.getByRole("listbox", { name: "Results" }).getAttribute("id");
  const search = page.getByRole("dialog").getByRole("combobox");
  await expect.poll(() => search.getAttribute("aria-controls")).toBe(list);
  await expect.poll(() => search.getAttribute("aria-expanded")).toBe("true");
  await expectAccessibleInAllViews(page);
});
