// Takes pictures of screens that change with the amount of data: with none, and with 500 apps, 1,000 namespaces
// and a namespace with 5,000 keys.
import { mkdir } from "node:fs/promises";
import { join } from "node:path";

import type { Page } from "playwright-core";
import { beforeAll, test } from "vitest";

import { placeIn } from "../support/api";
import { useSuite, VIEWS, type View } from "../support/suite";

const directory = process.env.CASTALIA_TEST_PICTURES ?? "pictures/out";
const suite = useSuite();
const [APPS, NAMESPACES, KEYS, AT_ONCE] = [500, 1000, 5000, 4];
const [MANY, EMPTY] = ["many-namespaces", "fresh-app"];

/** Runs the numbered pieces of work, some of them at once. */
async function each(count: number, work: (n: number) => Promise<unknown>): Promise<void> {
  const next = Array.from({ length: count }, (_, n) => n).values();
  const worker = async () => {
    for (const n of next) await work(n);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

beforeAll(async () => {
  await mkdir(directory, { recursive: true });
  await suite.as("newcomer");
  const api = await suite.api;
  await each(APPS - 2, (n) => api.createApp(`service-${n}`, `Service number ${n} of the shop`));
  for (const app of [MANY, EMPTY]) await api.createApp(app);
  await each(NAMESPACES, (n) => api.createNamespace(MANY, `team-${n % 25}.rules-${n}`));
  const at = placeIn(MANY);
  const lines = Array.from({ length: KEYS }, (_, n) => `service.${n % 50}.component.key-${n} = value ${n}`);
  await api.setText(at, lines.join("\n"));
  await api.publish(at);
  await api.setText(at, lines.map((line, n) => (n % 40 ? line : `${line} changed`)).join("\n"));
}, 600_000);

const table = (app: string) => `/a/${app}/c/DEV/default/application`;

const SCREENS: Record<string, { path: string; shown: string; as?: string }> = {
  "none-home": { path: "/", shown: "app", as: "newcomer" },
  "none-app": { path: `/a/${EMPTY}`, shown: "application" },
  "none-namespace": { path: table(EMPTY), shown: "application" },
  "none-text": { path: `${table(EMPTY)}?view=text`, shown: "application" },
  "none-live": { path: `${table(EMPTY)}?view=live`, shown: "application" },
  "none-releases": { path: `${table(EMPTY)}?view=history`, shown: "application" },
  "none-publish": { path: `/a/${EMPTY}/publish?t=DEV:default:application`, shown: "application" },
  "none-compare": { path: `/a/${EMPTY}/compare`, shown: "compare" },
  "none-history": { path: `/a/${EMPTY}/history`, shown: "History" },
  "none-keys": { path: `/a/${EMPTY}/settings/keys`, shown: "DEV" },
  "none-tokens": { path: "/me/tokens", shown: "token" },
  "none-consumers": { path: "/admin/consumers", shown: "app" },
  "much-home": { path: "/", shown: "Service number" },
  "much-browse": { path: "/browse", shown: "Service number" },
  "much-app": { path: `/a/${MANY}`, shown: "rules" },
  "much-namespaces": { path: `/a/${MANY}/c/DEV/default`, shown: "team-0.rules-0" },
  "much-namespace": { path: table(MANY), shown: "service.0.component.key-0" },
  "much-text": { path: `${table(MANY)}?view=text`, shown: "service.0.component.key-0" },
  "much-live": { path: `${table(MANY)}?view=live`, shown: "service.0.component.key-0" },
  "much-publish": { path: `/a/${MANY}/publish?t=DEV:default:application`, shown: "service.0.component.key-0" },
  "much-access": { path: `/a/${MANY}/access`, shown: "apollo" },
  "much-settings": { path: `/a/${MANY}/settings/namespaces`, shown: "Namespaces" },
};

async function settle(page: Page): Promise<void> {
  await page.locator(".loading").first().waitFor({ state: "detached" });
  await page.getByText("Loading", { exact: true }).first().waitFor({ state: "detached" });
}

test.each(VIEWS)("amounts in $theme at $width px", async (view: View) => {
  for (const [name, { path, shown, as = "apollo" }] of Object.entries(SCREENS)) {
    const page = await suite.open(path, { ...view, as });
    page.setDefaultTimeout(30_000);
    await page.locator("main, nav").getByText(shown).filter({ visible: true }).first().waitFor();
    await settle(page);
    await page.screenshot({ path: join(directory, `${name}-${view.width}-${view.theme}.png`) });
    await page.context().close();
  }
});
