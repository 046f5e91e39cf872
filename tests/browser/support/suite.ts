// What a test file uses: one server and one browser, pages in the themes and widths of the UI, and
// checks that apply to every page. A test fails if a page has logged an error.
import axe, { type AxeResults } from "axe-core";
import { chromium, type Browser, type BrowserContext, type Page, type Request, type Response } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect } from "vitest";

import { Api, placeIn, type Place } from "./api";
import { startCastalia, type Castalia, type ServerOptions } from "./server";

const WAIT_MS = 60_000;
const LAUNCH_MS = 120_000;
/** A page that is never idle has shown by then what it was about to. */
const LONGEST_MS = 10_000;
const HEIGHT = 900;
const FLAGS = [
  "--disable-gpu",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A page lives for seconds: a process for graphics and optimised code cost more than they save.
  "--in-process-gpu",
  "--js-flags=--no-opt,--no-maglev",
];

export type Theme = "light" | "dark";
export const THEMES: Theme[] = ["light", "dark"];
export const WIDE = 1440;
export const NARROW = 390;
/** Both themes on both widths. */
export const VIEWS = THEMES.flatMap((theme) => [WIDE, NARROW].map((width) => ({ theme, width })));

export interface View {
  theme?: Theme;
  width?: number;
  /** A user name; null for a browser without a session. The administrator by default. */
  as?: string | null;
  locale?: string;
}

export class Suite {
  private server: Castalia | undefined;
  private browser: Browser | undefined;
  private contexts: BrowserContext[] = [];
  private errors: string[] = [];
  private users = new Map<string, Promise<Api>>();
  private apps = 0;

  constructor(private readonly options: ServerOptions) {}

  async start(): Promise<void> {
    this.server = await startCastalia(this.options);
    const executablePath = process.env.CASTALIA_TEST_CHROMIUM;
    if (!executablePath) throw new Error("CASTALIA_TEST_CHROMIUM is not set; run tests/browser/run.sh");
    // Its sandbox does not work for root, as which containers run.
    const chromiumSandbox = process.getuid?.() !== 0;
    this.browser = await chromium.launch({ executablePath, args: FLAGS, chromiumSandbox, timeout: LAUNCH_MS });
  }

  async stop(): Promise<void> {
    await this.browser?.close();
    await this.server?.stop();
  }

  /** Closes the pages of a test. Fails if one of them has logged an error. */
  async endTest(): Promise<void> {
    const errors = this.errors;
    await Promise.all(this.contexts.map((context) => context.close()));
    this.contexts = [];
    this.errors = [];
    expect(errors, "errors in the console").toEqual([]);
  }

  get castalia(): Castalia {
    if (!this.server) throw new Error("the server was not started");
    return this.server;
  }

  /** The API as the administrator. */
  get api(): Promise<Api> {
    return this.as("apollo");
  }

  /** The API as a user; those other than the administrator are created. */
  as(user: string): Promise<Api> {
    const known = this.users.get(user) ?? this.signIn(user);
    this.users.set(user, known);
    return known;
  }

  private async signIn(user: string): Promise<Api> {
    if (user !== "apollo") await (await this.api).createUser(user);
    return Api.signIn(this.castalia.portal, user);
  }

  /** A fresh app of the administrator. */
  async createApp(): Promise<string> {
    const app = `app-${++this.apps}`;
    await (await this.api).createApp(app);
    return app;
  }

  /** A namespace of a fresh app of the administrator: `application` in the cluster `default` of DEV, unless it differs. */
  async createPlace(part: Partial<Place> = {}): Promise<Place> {
    return { ...placeIn(await this.createApp()), ...part };
  }

  /**
   * What a client at an address, of a data center, reads of a namespace; undefined if nothing is published. A config
   * service learns of a release, and of the audience of a gray one, a moment later.
   */
  async served(
    { app, env, cluster, ns }: Place,
    ip?: string,
    dataCenter?: string,
  ): Promise<Record<string, string> | undefined> {
    const query = new URLSearchParams({ ...(ip && { ip }), ...(dataCenter && { dataCenter }) });
    const response = await fetch(`${this.castalia.config[env]}/configs/${app}/${cluster}/${ns}?${query}`);
    const text = await response.text();
    if (response.status === 404) return undefined;
    if (!response.ok) throw new Error(`${response.url}: ${response.status} ${text}`);
    return (JSON.parse(text) as { configurations: Record<string, string> }).configurations;
  }

  /** Opens an address of the portal in a browser context of its own. */
  async open(path: string, view: View = {}): Promise<Page> {
    const page = await this.newPage(view);
    await page.goto(path);
    return page;
  }

  /** Opens a page of an app, and waits until it receives the events of the app. */
  async openLive(path: string, view: View = {}): Promise<Page> {
    const page = await this.newPage(view);
    await receiving(page, () => page.goto(path));
    return page;
  }

  private async newPage({ theme = "light", width = WIDE, as = "apollo", locale = "en-US" }: View): Promise<Page> {
    if (!this.browser) throw new Error("the browser was not started");
    const { portal } = this.castalia;
    const context = await this.browser.newContext({
      baseURL: portal,
      colorScheme: theme,
      locale,
      // Tests wait for what is shown, not for how it moves there.
      reducedMotion: "reduce",
      viewport: { width, height: HEIGHT },
    });
    this.contexts.push(context);
    context.setDefaultTimeout(WAIT_MS);
    await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: portal });
    if (as !== null) {
      const { session } = await this.as(as);
      await context.addCookies([{ name: "SESSION", value: session, url: portal }]);
    }
    context.on("page", (page) => this.watch(page));
    return context.newPage();
  }

  private watch(page: Page): void {
    page.on("pageerror", (error) => this.errors.push(String(error)));
    page.on("console", (message) => {
      if (message.type() !== "error") return;
      const { url } = message.location();
      // The browser logs every refused call; whether it is reported to the user is for the test.
      if (message.text().startsWith("Failed to load resource") && url.includes("/openapi/v1/")) return;
      this.errors.push(`${message.text()} (${url})`);
    });
  }
}

/** Starts a server and a browser for the tests of this file. */
export function useSuite(options: ServerOptions = {}): Suite {
  const suite = new Suite(options);
  beforeAll(() => suite.start());
  afterEach(() => suite.endTest());
  afterAll(() => suite.stop());
  return suite;
}

/**
 * Loads a page of an app, and waits until it receives the events of the app: it misses what happens between its
 * first reads and then.
 */
export async function receiving(page: Page, load: () => Promise<unknown>): Promise<void> {
  const isStream = (response: Response) => response.url().includes("/openapi/v1/events") && response.ok();
  await Promise.all([page.waitForResponse(isStream), load()]);
}

/** The check below in both themes on both widths, without loading the page again. */
export async function expectAccessibleInAllViews(page: Page): Promise<void> {
  for (const view of VIEWS) {
    await showIn(page, view);
    await expectAccessible(page);
  }
  await showIn(page, { theme: "light", width: WIDE });
}

async function showIn(page: Page, { theme, width }: { theme: Theme; width: number }): Promise<void> {
  await page.emulateMedia({ colorScheme: theme });
  await page.setViewportSize({ width, height: HEIGHT });
  await page.locator(`[data-mantine-color-scheme=${theme}]`).waitFor();
  // What depends on the width is rendered with the next frame.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
}

/** Fails on violations of WCAG 2.2, levels A and AA, in the page or a part of it, and on a page that scrolls sideways. */
export async function expectAccessible(page: Page, part = "html"): Promise<void> {
  await page.evaluate(axe.source);
  await expectFits(page);
  const { violations } = await page.evaluate<AxeResults>(`axe.run(${JSON.stringify(part)}, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  })`);
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html).join("\n  ")}`);
  expect(found, `axe at ${page.url()}`).toEqual([]);
}

/** Fails on a page that scrolls sideways. */
export async function expectFits(page: Page): Promise<void> {
  await atRest(page);
  const beside = () => document.documentElement.scrollWidth - document.documentElement.clientWidth;
  expect(await page.evaluate(beside), `pixels beside ${page.url()}`).toBeLessThanOrEqual(0);
}

/**
 * Waits until a page has shown what it was about to, and nothing in it appears, disappears or moves: until then it has
 * neither its final colours nor its final places. What is judged afterwards is judged once, because a user also sees
 * what lasts for seconds only.
 */
export async function atRest(page: Page): Promise<void> {
  const options = { message: `${page.url()} is at rest`, timeout: WAIT_MS };
  await expect.poll(() => page.evaluate(isAtRest, LONGEST_MS), options).toBe(true);
}

/** In the page. */
async function isAtRest(timeout: number): Promise<boolean> {
  await new Promise<void>((done) =>
    requestAnimationFrame(() => requestAnimationFrame(() => requestIdleCallback(() => done(), { timeout }))),
  );
  // Endless ones, as that of a loader, are what is shown.
  const ends = ({ playState, effect }: Animation) =>
    playState === "running" && Number.isFinite(effect?.getComputedTiming().endTime);
  // Mantine shows and removes by timers what is transparent meanwhile, even if nothing moves.
  const fading = Array.from(document.querySelectorAll("[style*=transition-duration]"));
  return (
    document.fonts.status === "loaded" &&
    !document.getAnimations().some(ends) &&
    !fading.some((one) => getComputedStyle(one).opacity === "0")
  );
}

/** The calls of the API that a page sends from now on, but for the stream of events, which lasts as long as the page. */
export function watchCalls(page: Page): { sent: Request[]; open: Set<Request>; stop: () => void } {
  const sent: Request[] = [];
  const open = new Set<Request>();
  const begin = (request: Request) => {
    const { pathname } = new URL(request.url());
    if (!pathname.startsWith("/openapi/v1/") || pathname === "/openapi/v1/events") return;
    sent.push(request);
    open.add(request);
  };
  const end = (request: Request) => void open.delete(request);
  page.on("request", begin).on("requestfinished", end).on("requestfailed", end);
  const stop = () => void page.off("request", begin).off("requestfinished", end).off("requestfailed", end);
  return { sent, open, stop };
}
