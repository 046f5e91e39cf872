// Takes the pictures of the main screens for the documentation, in both themes and on both widths:
// `tests/browser/run.sh pictures`. Waits for the content of each screen, so that a picture
// of a broken screen fails.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { beforeAll, test } from "vitest";

import type { Place } from "../support/api";
import { useSuite, VIEWS } from "../support/suite";

const directory = process.env.CASTALIA_TEST_PICTURES ?? "pictures/out";
const suite = useSuite({
  environments: ["DEV", "UAT", "PRO"],
  offline: ["FAT"],
});
const APP = "checkout-service";
const at = (env: string, ns = "application"): Place => ({
  app: APP,
  env,
  cluster: "default",
  ns,
});

const COMMON = {
  "checkout.currency.default": "EUR",
  "checkout.gateway.timeout-ms": "3000",
  "checkout.pricing.rounding": "HALF_EVEN",
};
const VALUES: Record<string, Record<string, string>> = {
  DEV: {
    "checkout.cart.max-items": "200",
    "checkout.express.enabled": "true",
    "checkout.legacy.endpoint": "http://legacy.dev",
  },
  UAT: {
    "checkout.cart.max-items": "150",
    "checkout.express.enabled": "true",
    "checkout.payment.methods": "card,transfer",
  },
  PRO: {
    "checkout.cart.max-items": "100",
    "checkout.fraud.threshold": "0.85",
    "checkout.payment.methods": "card",
  },
};

beforeAll(async () => {
  await mkdir(directory, { recursive: true });
  const api = await suite.api;
  await api.createApp(APP, "Checkout");
  await api.createNamespace(APP, "feature-switches");
  for (const [env, values] of Object.entries(VALUES)) {
    for (const [key, value] of Object.entries({ ...COMMON, ...values })) await api.setItem(at(env), { key, value });
    await api.publish(at(env), "spring-limits");
    await api.setItem(at(env), {
      key: "checkout.gateway.timeout-ms",
      value: "4500",
      comment: "Slow gateway",
    });
    await api.publish(at(env), "slow-gateway");
  }
  await api.setItem(at("PRO"), {
    key: "checkout.cart.max-items",
    value: "120",
    comment: "Raised for winter",
  });
  await api.setItem(at("PRO"), {
    key: "checkout.express.enabled",
    value: "true",
  });
  await api.deleteItem(at("PRO"), "checkout.fraud.threshold");
  await api.call("POST", `apps/${APP}/envs/DEV/accesskeys`);
}, 60_000);

/** Address, what has to be visible, and what is done before the picture. */
const SCREENS: Record<string, { path: string; shown: string; act?: (page: Page) => Promise<void> }> = {
  home: { path: "/", shown: "Checkout" },
  app: { path: `/a/${APP}`, shown: "DEV" },
  namespace: {
    path: `/a/${APP}/c/PRO/default/application`,
    shown: "checkout.cart.max-items",
  },
  publish: {
    path: `/a/${APP}/publish?t=PRO:default:application`,
    shown: "checkout.cart.max-items",
  },
  compare: {
    path: `/a/${APP}/compare?base=UAT&with=PRO,DEV,FAT`,
    shown: "checkout.cart.max-items",
  },
  history: {
    path: `/a/${APP}/history?env=PRO&ns=application`,
    shown: "slow-gateway",
    act: async (page) => {
      await page.getByRole("button", { name: "Published slow-gateway" }).click();
      await page.getByRole("region", { name: "checkout.gateway.timeout-ms" }).waitFor();
    },
  },
  key: {
    path: `/a/${APP}/history?env=PRO&ns=application&key=checkout.gateway.timeout-ms`,
    shown: "4500",
  },
  clusters: { path: `/a/${APP}/settings/clusters`, shown: "Add cluster" },
  keys: { path: `/a/${APP}/settings/keys`, shown: "Enforce" },
  transfer: { path: `/a/${APP}/settings/transfer`, shown: "Import" },
};

test.each(VIEWS)("pictures in $theme at $width px", async ({ theme, width }) => {
  for (const [name, { path, shown, act }] of Object.entries(SCREENS)) {
    const page = await suite.open(path, { theme, width });
    await page.locator("main:visible, nav:visible").getByText(shown).first().waitFor();
    await act?.(page);
    await page.locator(".loading").first().waitFor({ state: "detached" });
    await page.screenshot({
      path: join(directory, `${name}-${width}-${theme}.png`),
    });
    await page.context().close();
  }
});
