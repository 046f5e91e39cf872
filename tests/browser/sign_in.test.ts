// Signing in: scenarios S1 and S2.
import { expect, test } from "vitest";

import { PASSWORD } from "./support/server";
import { expectAccessible, expectAccessibleInAllViews, useSuite } from "./support/suite";

const suite = useSuite();

test("S1: a link to a namespace leads to the sign-in, and from there to the same namespace", async () => {
  const app = await suite.createApp();
  const address = `/a/${app}/c/DEV/default/application?f=timeout`;
  const page = await suite.open(address, { as: null });
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.getByLabel("User name").fill("apollo");
  await page.getByLabel("Password", { exact: true }).fill(PASSWORD);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "application" }).waitFor();
  await expect.poll(() => new URL(page.url()).pathname + new URL(page.url()).search).toBe(address);
  await expect.poll(() => page.getByLabel("Key, value, comment, person").inputValue()).toBe("timeout");
});

test("S2: a wrong password is announced, and the user name is kept", async () => {
  const page = await suite.open("/signin", { as: null });
  await page.getByLabel("User name").fill("apollo");
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  const alert = page.getByRole("alert");
  await alert.waitFor();
  await expect.poll(() => alert.textContent()).toBe("User name or password is wrong.");
  await expect.poll(() => alert.evaluate((element) => element === document.activeElement)).toBe(true);
  await expect.poll(() => page.getByLabel("User name").inputValue()).toBe("apollo");
});

test("the password that Apollo publishes is refused with the command that sets another one", async () => {
  const page = await suite.open("/signin", { as: null });
  // No account of this server has that password: the answer is the one for such an account.
  await page.route("**/signin", (route) =>
    route.fulfill({ status: 302, headers: { location: "/signin?reason=initialPassword#/error" } }),
  );
  await page.getByLabel("User name").fill("apollo");
  await page.getByLabel("Password", { exact: true }).fill("admin");
  await page.getByRole("button", { name: "Sign in" }).click();
  const alert = page.getByRole("alert");
  await alert.waitFor();
  await expect.poll(() => alert.textContent()).toContain("Set a new one on the server: castalia user password NAME");
  await expect.poll(() => alert.evaluate((element) => element === document.activeElement)).toBe(true);
  await expectAccessible(page);
});

test("the command is named in each language at the address that a refusal leads to", async () => {
  const texts = { "en-US": "Set a new one on the server: ", "zh-CN": "请在服务器上设置新密码：" };
  for (const [locale, text] of Object.entries(texts)) {
    const page = await suite.open("/signin?reason=initialPassword#/error", { as: null, locale });
    await expect.poll(() => page.getByRole("alert").textContent()).toContain(`${text}castalia user password NAME`);
  }
});

test("the sign-in is accessible in both themes and widths", async () => {
  const page = await suite.open("/signin", { as: null });
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await expectAccessibleInAllViews(page);
});
