// The stream of an app's events begins again after an answer that ends it for the browser.
import { QueryClient } from "@tanstack/react-query";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";

import { listen } from "../src/api/events";

/** A stream of a browser: an answer other than 200 closes it for good. */
class Stream extends EventTarget {
  static readonly CLOSED = 2;
  static all: Stream[] = [];
  readyState = 0;
  constructor(readonly address: string) {
    super();
    Stream.all.push(this);
  }
  close(): void {
    this.readyState = Stream.CLOSED;
  }
  is(event: "error" | "open" | "start", readyState = this.readyState): void {
    this.readyState = readyState;
    this.dispatchEvent(new Event(event));
  }
}

vi.hoisted(() => vi.stubGlobal("document", { baseURI: "https://portal.example.org/" }));
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));
afterAll(() => vi.unstubAllGlobals());
beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("EventSource", Stream);
  Stream.all = [];
});
afterEach(() => void vi.useRealTimers());

const last = () => {
  const stream = Stream.all.at(-1);
  if (!stream) throw new Error("there is no stream");
  return stream;
};

it("a refused stream is followed by another one, after which everything is read again", () => {
  const cache = new QueryClient();
  const invalidate = vi.spyOn(cache, "invalidateQueries");
  const stop = listen(cache, "shop");
  last().is("open", 1);
  last().is("start");
  expect(invalidate).not.toHaveBeenCalled();
  // The browser reconnects by itself.
  last().is("error", 0);
  vi.advanceTimersByTime(600_000);
  expect(Stream.all).toHaveLength(1);
  last().is("error", Stream.CLOSED);
  vi.advanceTimersByTime(2_000);
  expect(Stream.all).toHaveLength(2);
  last().is("open", 1);
  last().is("start");
  expect(invalidate).toHaveBeenCalledExactlyOnceWith();
  stop();
  expect(last().readyState).toBe(Stream.CLOSED);
});

it("refusals make the pauses longer, and nothing follows the end", () => {
  const stop = listen(new QueryClient(), "shop");
  const pauses = Array.from({ length: 8 }, () => {
    const before = Stream.all.length;
    last().is("error", Stream.CLOSED);
    let seconds = 0;
    for (; Stream.all.length === before; seconds++) vi.advanceTimersByTime(1_000);
    return seconds;
  });
  expect(pauses).toEqual([2, 4, 8, 16, 32, 60, 60, 60]);
  last().is("error", Stream.CLOSED);
  stop();
  const count = Stream.all.length;
  vi.advanceTimersByTime(600_000);
  expect(Stream.all).toHaveLength(count);
});
