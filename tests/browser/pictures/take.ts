// Takes the pictures of the main screens for the documentation, in both themes and on both widths, and
// in Chinese: `tests/browser/run.sh pictures`. Waits for the content of each screen, so that a picture
// of a broken screen fails.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { beforeAll, test } from "vitest";

import { placeIn } from "../support/api";
import { useSuite, VIEWS, WIDE, type View } from "../support/suite";

const directory = process.env.CASTALIA_TEST_PICTURES ?? "pictures/out";
const suite = useSuite({
  environments: ["DEV", "UAT", "PRO"],
  offline: ["FAT"],
});
const APP = "checkout-service";
const at = (env: string, ns?: string) => placeIn(APP, env, ns);

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

/** The text of the UI with this path in its language files. */
type Texts = (path: string) => string;

async function textsOf(language: "en" | "zh"): Promise<Texts> {
  const file = new URL(`../../../server/web/src/i18n/${language}.json`, import.meta.url);
  const all: unknown = JSON.parse(await readFile(file, "utf8"));
  return (path) => String(path.split(".").reduce((part, name) => (part as Record<string, unknown>)[name], all));
}

const NAMESPACE = `/a/${APP}/c/PRO/default/application`;

/** Address, what has to be visible, and what is done before the picture. */
const SCREENS: Record<
  string,
  { path: string; shown: string | ((t: Texts) => string); act?: (page: Page, t: Texts) => Promise<void> }
> = {
  home: { path: "/", shown: "Checkout" },
  app: { path: `/a/${APP}`, shown: "DEV" },
  namespace: {
    path: NAMESPACE,
    shown: "checkout.cart.max-items",
  },
  text: { path: `${NAMESPACE}?view=text`, shown: "checkout.currency.default" },
  live: { path: `${NAMESPACE}?view=live`, shown: "checkout.currency.default" },
  releases: {
    path: `${NAMESPACE}?view=history`,
    shown: "spring-limits",
    act: async (page) => {
      await page.locator("main [aria-expanded=false]").last().click();
      await page.getByRole("region", { name: "checkout.cart.max-items" }).waitFor();
    },
  },
  instances: { path: `${NAMESPACE}?view=instances`, shown: "application" },
  gray: { path: `${NAMESPACE}/gray`, shown: (t) => t("gray.start.title") },
  access: { path: `/a/${APP}/access`, shown: "apollo" },
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
      await page.getByRole("button", { name: "slow-gateway" }).first().click();
      await page.getByRole("region", { name: "checkout.gateway.timeout-ms" }).waitFor();
    },
  },
  key: {
    path: `/a/${APP}/history?env=PRO&ns=application&key=checkout.gateway.timeout-ms`,
    shown: "4500",
  },
  clusters: { path: `/a/${APP}/settings/clusters`, shown: (t) => t("settings.clusters.add") },
  keys: { path: `/a/${APP}/settings/keys`, shown: (t) => t("settings.keys.modes.enforce") },
  transfer: { path: `/a/${APP}/settings/transfer`, shown: (t) => t("settings.transfer.import") },
  users: { path: "/admin/users", shown: "apollo" },
  health: { path: "/admin/health", shown: "FAT" },
  catalogue: { path: "/admin/settings", shown: "admin-service.access.tokens" },
  audit: { path: "/admin/audit", shown: "apollo" },
};

const CHINESE: View = { theme: "light", width: WIDE, locale: "zh-CN" };

test.each([...VIEWS, CHINESE])("pictures in $theme at $width px, $locale", async (view: View) => {
  const language = view.locale === CHINESE.locale ? "zh" : "en";
  const end = `${view.width}-${view.theme}${language === "en" ? "" : `-${language}`}.png`;
  const t = await textsOf(language);
  for (const [name, { path, shown, act }] of Object.entries(SCREENS)) {
    const page = await suite.open(path, view);
    const text = typeof shown === "string" ? shown : shown(t);
    // Texts of the UI may also be a part of others.
    const exact = typeof shown !== "string";
    await page.locator("main, nav").getByText(text, { exact }).filter({ visible: true }).first().waitFor();
    await act?.(page, t);
    for (const part of [page.locator(".loading"), page.getByText(t("state.loading"), { exact: true })]) {
      await part.first().waitFor({ state: "detached" });
    }
    await page.screenshot({
      path: join(directory, `${name}-${end}`),
    });
    await page.context().close();
  }
});
