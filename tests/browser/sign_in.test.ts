// Signing in: scenarios S1 and S2.
import { expect, test } from "vitest";

import { PASSWORD } from "./support/server";
import { expectAccessibleInAllViews, useSuite } from "./support/suite";

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
  expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(address);
  expect(await page.getByLabel("Key, value, comment, person").inputValue()).toBe("timeout");
});

test("S2: a wrong password is announced, and the user name is kept", async () => {
  const page = await suite.open("/signin", { as: null });
  await page.getByLabel("User name").fill("apollo");
  await page.getByLabel("Password", { exact: true }).fill("wrong");
  await page.getByRole("button", { name: "Sign in" }).click();
  const alert = page.getByRole("alert");
  await alert.waitFor();
  expect(await alert.textContent()).toBe("User name or password is wrong.");
  expect(await alert.evaluate((element) => element === document.activeElement)).toBe(true);
  expect(await page.getByLabel("User name").inputValue()).toBe("apollo");
});

test("the sign-in is accessible in both themes and widths", async () => {
  const page = await suite.open("/signin", { as: null });
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await expectAccessibleInAllViews(page);
});
