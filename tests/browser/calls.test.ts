// How many calls of the API a view costs when it is opened from a link, however many clusters and
// namespaces it shows.
import type { Page } from "playwright-core";
import { expect, test } from "vitest";

import { placeIn, type Place } from "./support/api";
import { useSuite, watchCalls } from "./support/suite";

const suite = useSuite({ environments: ["DEV", "FAT"] });

const MOST = 3;
/** A page that has sent nothing for this long, by its own clock, and has nothing to do, has read everything. */
const QUIET_MS = 600;
/** A view is opened so often at most. */
const MOST_TRIES = 10;
/** So often it has to do with few calls: once may be by chance. */
const ENOUGH = 2;
const ENVS = ["DEV", "FAT"];
const CLUSTERS = ["default", "fra1", "ams2"];
const NAMESPACES = ["application", "limits", "rules", "switches", "texts"];

/** Differs between environments, is published, and has unpublished changes. */
async function filledApp(): Promise<string> {
  const app = await suite.createApp();
  const api = await suite.api;
  for (const ns of NAMESPACES.slice(1)) await api.createNamespace(app, ns);
  for (const env of ENVS) {
    for (const name of CLUSTERS.slice(1)) {
      await api.createCluster(app, env, name);
    }
    for (const cluster of CLUSTERS) {
      for (const ns of NAMESPACES) {
        await api.setItem({ app, env, cluster, ns }, { key: "limit", value: `${env} ${cluster}` });
        await api.publish({ app, env, cluster, ns });
        await api.setItem({ app, env, cluster, ns }, { key: "limit", value: `${env} ${cluster} later` });
      }
    }
  }
  await startGray(placeIn(app));
  return app;
}

/** With an instance on either side of it. */
async function startGray(at: Place): Promise<void> {
  const api = await suite.api;
  const branch = await api.startGray(at, { key: "limit", value: "9" });
  await api.setAudience(at, branch, ["10.0.0.2"]);
  await api.publishGray(at, branch, "try");
  for (const ip of ["10.0.0.1", "10.0.0.2"]) await suite.served(at, ip);
}

/** The calls of a view until it is quiet. */
async function calls(page: Page, path: string): Promise<string[]> {
  const { sent, open, stop } = watchCalls(page);
  await page.goto(path);
  await page.locator("main h1").first().waitFor({ state: "attached" });
  const isQuiet = async () => {
    const before = sent.length;
    if (open.size > 0) return false;
    await page.evaluate(rest, QUIET_MS);
    return open.size === 0 && sent.length === before;
  };
  await expect.poll(isQuiet, { timeout: 60_000 }).toBe(true);
  stop();
  return sent.map((request) => {
    const { pathname, search } = new URL(request.url());
    return decodeURIComponent(pathname + search);
  });
}

/** In the page: whatever it is about to do is done before it is idle. */
const rest = (millis: number) =>
  new Promise<void>((done) => setTimeout(() => requestIdleCallback(() => done(), { timeout: 10_000 }), millis));

/** Adds a view that costs too many calls to the list. */
async function check(page: Page, view: string, over: string[]): Promise<void> {
  const tries: string[][] = [];
  const tooMany = () => tries.filter((sent) => sent.length > MOST);
  const isEnough = () => tries.length - tooMany().length >= ENOUGH;
  // A busy machine may render answers that arrived together far apart.
  while (!isEnough() && tries.length < MOST_TRIES) tries.push(await calls(page, view));
  if (isEnough()) return;
  over.push(`${view}: ${tries.map((sent) => sent.length).join(", ")}\n${tooMany()[0]?.join("\n\n")}`);
}

/** A page whose own calls are over. */
async function quietPage(): Promise<Page> {
  const page = await suite.open("/");
  await calls(page, "/me/preferences");
  return page;
}

test("each view of an app costs at most three calls", async () => {
  const app = await filledApp();
  const at = `/a/${app}/c/DEV/default/application`;
  const views = [
    `/a/${app}`,
    `/a/${app}/c/DEV/default`,
    at,
    `${at}?view=text`,
    `${at}?view=live`,
    `${at}?view=history`,
    `${at}?view=instances`,
    `${at}/gray`,
    `/a/${app}/compare`,
    `/a/${app}/compare?with=DEV:fra1,DEV:ams2,FAT:default,FAT:fra1,FAT:ams2`,
    `/a/${app}/history`,
    `/a/${app}/history?env=FAT&cluster=fra1`,
    `/a/${app}/history?env=DEV&cluster=default&ns=application&key=limit`,
    `/a/${app}/publish?t=DEV:default:application,DEV:default:limits`,
    `/a/${app}/access`,
    ...["general", "clusters", "namespaces", "keys", "transfer"].map((section) => `/a/${app}/settings/${section}`),
  ];
  const page = await quietPage();
  const over: string[] = [];
  for (const view of views) {
    await check(page, view, over);
  }
  expect(over.join("\n\n\n")).toBe("");
});

test("only the list of the releases reads them, without their values", async () => {
  const app = await suite.createApp();
  const at = `/a/${app}/c/DEV/default/application`;
  const page = await quietPage();
  expect((await calls(page, at)).join()).not.toContain("releases/active");
  expect((await calls(page, `${at}?view=history`)).join()).toMatch(/releases\/active\?[^\n]*onlyKey=(&page=|\n|$)/);
  const history = await calls(page, `/a/${app}/history`);
  expect(history.join()).toMatch(/releases\/histories\?[^\n]*onlyKey=(&page=|\n|$)/);
});

test("each view outside an app costs at most three calls", async () => {
  const page = await quietPage();
  const over: string[] = [];
  const sections = ["users", "roles", "consumers", "tokens", "settings", "health", "audit", "webhooks"];
  const views = [
    "/",
    "/?tab=team",
    "/?tab=pinned",
    "/?tab=recent",
    "/browse",
    "/public",
    "/new",
    "/me/tokens",
    "/me/preferences",
  ];
  for (const view of [...views, ...sections.map((section) => `/admin/${section}`)]) {
    await check(page, view, over);
  }
  expect(over.join("\n\n\n")).toBe("");
});
