// What interactions with 5,000 keys, and the first render, cost the main thread of the page. Processor time is
// counted instead of the time on the clock, of several repetitions the fastest, and in proportion to what a
// fixed piece of work takes beside it: other programs on the same processor make both of them slower. They also
// take its caches, which no proportion shows: an interaction or a render is repeated until it is within the budget,
// and fails if it never is.
import type { CDPSession, Page } from "playwright-core";
import { expect, test } from "vitest";

import { useSuite } from "./support/suite";

const suite = useSuite();

const KEYS = 5000;
const CHANGED = 20;
const BUDGET_MS = 100;
const FIRST_RENDER_MS = 1000;
const REPETITIONS = 5;
const MOST_REPETITIONS = 30;
const MOST_RENDERS = 15;
const SETTLED_MS = 200;
/** A page that is never idle has settled then. */
const LONGEST_MS = 10_000;
/** About what the fixed piece of work takes on two cores that do nothing else. */
const REFERENCE_MS = 20;

/** A fixed piece of work, like that of the page: it filters texts, and renders and measures elements. */
function work(): number {
  const texts = Array.from({ length: 10_000 }, (_, n) => `Service.${n % 50}.Key.${n}`.toLowerCase());
  const list = document.createElement("ul");
  list.append(
    ...texts
      .filter((text) => text.includes("7"))
      .slice(0, 500)
      .map((text) => Object.assign(document.createElement("li"), { textContent: text })),
  );
  document.body.append(list);
  const height = list.offsetHeight;
  list.remove();
  return height;
}

/**
 * Waits until the page has done and shown what it was about to. On a busy machine it may not have begun after the
 * pause, which would make its work look quick.
 */
async function settled(page: Page): Promise<void> {
  // Without looking at the page, which would be counted.
  await page.waitForTimeout(SETTLED_MS);
  await page.evaluate(
    (timeout) =>
      new Promise<void>((done) => requestAnimationFrame(() => requestIdleCallback(() => done(), { timeout }))),
    LONGEST_MS,
  );
}

/** Counts the processor time of the main thread. */
class Meter {
  private constructor(
    private readonly page: Page,
    private readonly session: CDPSession,
  ) {}

  static async of(page: Page): Promise<Meter> {
    const session = await page.context().newCDPSession(page);
    await session.send("Performance.enable", { timeDomain: "threadTicks" });
    return new Meter(page, session);
  }

  /** Milliseconds of all tasks of the main thread so far. */
  async used(): Promise<number> {
    const { metrics } = await this.session.send("Performance.getMetrics");
    return (metrics.find(({ name }) => name === "TaskDuration")?.value ?? NaN) * 1000;
  }

  /** Milliseconds of the fixed piece of work. */
  private async reference(): Promise<number> {
    const before = await this.used();
    await this.page.evaluate(work);
    return (await this.used()) - before;
  }

  /** Milliseconds of the fastest repetition. `reset`, which is not counted, makes each one do the same work. */
  async fastest(act: () => Promise<unknown>, reset?: () => Promise<unknown>, most = MOST_REPETITIONS): Promise<number> {
    const found: number[] = [];
    const enough = () => found.length >= REPETITIONS && Math.min(...found) < BUDGET_MS;
    while (!enough() && found.length < most) {
      const slowness = (await this.reference()) / REFERENCE_MS;
      const before = await this.used();
      await act();
      await settled(this.page);
      found.push(((await this.used()) - before) / slowness);
      await reset?.();
      await settled(this.page);
    }
    return Math.min(...found);
  }
}

/** A namespace with many keys of which some differ from the release, opened in its table. */
async function openTable(): Promise<{ page: Page; meter: Meter }> {
  const at = await suite.createPlace();
  const lines = Array.from({ length: KEYS }, (_, n) => `service.${n % 50}.key.${n} = value ${n}`);
  const api = await suite.api;
  await api.setText(at, lines.join("\n"));
  await api.publish(at);
  await api.setText(at, lines.map((line, n) => (n < CHANGED ? `${line} changed` : line)).join("\n"));
  const page = await suite.open(`/a/${at.app}/c/DEV/default/application`);
  await page.getByText(`${KEYS} of ${KEYS}`).waitFor();
  await settled(page);
  return { page, meter: await Meter.of(page) };
}

/** Without the queries of Playwright, which look through the whole page. */
const present = (page: Page, selector: string) =>
  page.waitForFunction((one) => document.querySelector(one) !== null, selector, { polling: 50 });

test("S15: filtering, selecting, scrolling, editing and reviewing 5,000 keys take less than 100 ms each", async () => {
  const { page, meter } = await openTable();
  const press = (key: string) => page.keyboard.press(key);
  const grid = page.getByRole("grid", { name: "Items" });
  const used: Record<string, number> = {};

  await page.getByRole("textbox", { name: "Key, value, comment, person" }).focus();
  used.filter = await meter.fastest(
    () => press("4"),
    () => press("Backspace"),
  );
  await press("4");
  used.unfilter = await meter.fastest(
    () => press("Backspace"),
    () => press("4"),
  );
  await press("Backspace");
  await page.getByText(`${KEYS} of ${KEYS}`).waitFor();

  await grid.getByRole("checkbox").first().focus();
  used.selectAll = await meter.fastest(
    () => press("Space"),
    () => press("Space"),
  );
  await grid.getByRole("checkbox").nth(3).focus();
  used.selectOne = await meter.fastest(
    () => press("Space"),
    () => press("Space"),
  );
  await press("Space");
  await page.getByText("1 key selected").waitFor();
  await press("Space");

  await grid.hover();
  used.scroll = await meter.fastest(() => page.mouse.wheel(0, 400));
  await grid.getByRole("row").nth(3).focus();
  used.jump = await meter.fastest(
    () => press("End"),
    () => press("Home"),
  );
  await press("End");
  await page.getByRole("row", { name: `service.${(KEYS - 1) % 50}.key.${KEYS - 1}` }).waitFor();

  const close = () => press("Escape");
  used.openEditor = await meter.fastest(() => press("Enter"), close);
  const value = page.getByRole("dialog").getByLabel("Value", { exact: true });
  await press("Enter");
  await value.focus();
  used.typeValue = await meter.fastest(() => press("x"));
  await press("Control+Enter");
  await value.waitFor({ state: "detached" });

  used.review = await meter.fastest(
    async () => {
      await press("p");
      await present(page, "#publish");
    },
    async () => {
      await page.goBack();
      await grid.waitFor();
    },
  );
  const shown = Object.entries(used).map(([name, time]) => `${name} ${time.toFixed(1)}`);
  console.log("milliseconds of processor time:", shown.join(", "));
  for (const [name, time] of Object.entries(used)) {
    expect(time, name).toBeGreaterThan(0);
    expect(time, name).toBeLessThan(BUDGET_MS);
  }
});

test("S15: an interaction that takes longer than the budget is noticed", async () => {
  const { page, meter } = await openTable();
  // A multiple of the fixed work and not of time, of which other programs take a part.
  const times = (5 * BUDGET_MS) / REFERENCE_MS;
  await page.evaluate(`(() => {
    const work = ${String(work)};
    document.addEventListener("input", () => {
      for (let n = 0; n < ${times}; n++) work();
    });
  })()`);
  await page.getByRole("textbox", { name: "Key, value, comment, person" }).focus();
  const type = () => page.keyboard.press("4");
  expect(await meter.fastest(type, undefined, REPETITIONS)).toBeGreaterThan(BUDGET_MS);
});

/** Milliseconds until the home page of a warm browser shows its heading, the quickest of several times. */
async function firstRender(page: Page, most: number): Promise<number> {
  await page.addInitScript(() => {
    const seen = new MutationObserver(() => {
      if (!document.querySelector("main h1")) return;
      seen.disconnect();
      requestAnimationFrame(() => setTimeout(() => Object.assign(window, { rendered: performance.now() })));
    });
    seen.observe(document, { childList: true, subtree: true });
  });
  const found: number[] = [];
  const enough = () => found.length >= REPETITIONS && Math.min(...found) < FIRST_RENDER_MS;
  while (!enough() && found.length < most) {
    await page.goto("/");
    const rendered = await page.waitForFunction(() => (window as { rendered?: number }).rendered, null, {
      polling: 50,
    });
    found.push((await rendered.jsonValue()) ?? NaN);
  }
  console.log("milliseconds until the first render:", found.map(Math.round));
  return Math.min(...found);
}

test("the first render takes less than a second, and a slower one is noticed", async () => {
  const page = await suite.open("/");
  // Other programs only add to the time, so that the fastest one counts.
  expect(await firstRender(page, MOST_RENDERS)).toBeLessThan(FIRST_RENDER_MS);
  await page.route("**/openapi/v1/**", async (route) => {
    await new Promise((done) => setTimeout(done, FIRST_RENDER_MS));
    await route.continue();
  });
  expect(await firstRender(page, REPETITIONS)).toBeGreaterThan(FIRST_RENDER_MS);
});
