// Buttons that are blocked for now: they keep the focus, state why, and do nothing.
import type { Locator, Page } from "playwright-core";
import { expect, test } from "vitest";

import { placeIn } from "./support/api";
import { expectAccessible, useSuite } from "./support/suite";

const suite = useSuite();

/** What screen readers say of these buttons beside their names. */
const descriptions = (buttons: Locator) =>
  buttons.evaluateAll((all) =>
    all.map((one) => {
      const ids = one.getAttribute("aria-describedby")?.split(" ") ?? [];
      return ids.map((id) => document.getElementById(id)?.textContent).join(" ");
    }),
  );

/** Moves the focus with Tab only. */
async function tabTo(page: Page, button: Locator): Promise<void> {
  for (let n = 0; n < 40; n++) {
    if (await button.evaluate((one) => one === document.activeElement)) return;
    await page.keyboard.press("Tab");
  }
  throw new Error("Tab does not reach the button");
}

test("a blocked button is reached by Tab, states its reason to the eye and to screen readers, and does nothing", async () => {
  const app = await suite.createApp();
  await (await suite.api).setItem(placeIn(app), { key: "a", value: "1" });
  const page = await suite.open(`/a/${app}/c/DEV/default/application?view=text`);
  const save = page.getByRole("button", { name: "Preview and save" });
  const reason = "Nothing has been edited.";
  await save.waitFor();
  await expect.poll(() => save.isDisabled()).toBe(true);
  await expect.poll(() => descriptions(save)).toEqual([reason]);
  await page.getByRole("button", { name: "Copy", exact: true }).focus();
  await tabTo(page, save);
  await page.getByRole("tooltip", { name: reason }).waitFor();
  await expect.poll(() => descriptions(save)).toEqual([reason]);
  await expectAccessible(page);
  await page.keyboard.press("Enter");
  await expect.poll(() => page.getByRole("dialog").count()).toBe(0);
  await page.keyboard.press("Escape");
  await page.getByRole("tooltip").waitFor({ state: "detached" });
  await save.hover();
  await page.getByRole("tooltip", { name: reason }).waitFor();

  await page.locator(".cm-content").fill("a = 2");
  await expect.poll(() => save.isDisabled()).toBe(false);
  await expect.poll(() => descriptions(save)).toEqual([""]);
});

test("a gray release cannot be started while the rights are unknown, and the page states why", async () => {
  const app = await suite.createApp();
  const page = await suite.open("/");
  // Reads are sent together, so that the path is one of several in an address.
  const rights = /role-users/;
  await page.route(rights, (route) => route.fulfill({ status: 500, body: `{"message":"out of order"}` }));
  await page.goto(`/a/${app}/c/DEV/default/application/gray`);
  await page.getByRole("alert").waitFor();
  await expect.poll(() => page.getByRole("button", { name: "Start gray release" }).count()).toBe(0);
  await page.unroute(rights);
  await page.getByRole("button", { name: "Retry" }).click();
  await page.getByRole("button", { name: "Start gray release" }).click();
  await page.getByText("No gray value yet.").waitFor();
  const next = page.getByRole("button", { name: "Next: Audience" });
  await expect.poll(() => next.isDisabled()).toBe(true);
  const why = "Set at least one key to a value that differs from master.";
  await expect.poll(() => descriptions(next)).toEqual([why]);
});

test("no screen has a button that is disabled without a reason", async () => {
  const app = await suite.createApp();
  const at = `/a/${app}/c/DEV/default/application`;
  const screens = [at, `${at}?view=text`, `${at}/gray`, `/a/${app}/publish?t=DEV:default:application`]
    .concat(["history", "access", "settings/keys", "settings/transfer"].map((leaf) => `/a/${app}/${leaf}`))
    .concat(["/admin/users", "/admin/consumers", "/admin/health", "/me/tokens"]);
  const page = await suite.open("/");
  for (const screen of screens) {
    await page.goto(screen);
    await page.locator("main h1").waitFor();
    await expect.poll(() => page.locator(".loading").count(), { message: screen }).toBe(0);
    const blocked = page.locator("button[aria-disabled=true]");
    await expect.poll(() => descriptions(blocked), { message: screen }).not.toContain("");
    const disabled = page.locator("button:disabled:not([data-loading])");
    await expect.poll(() => disabled.count(), { message: screen }).toBe(0);
  }
});
