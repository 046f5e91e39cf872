// A search ends when another text is wanted: its read is aborted, and its call with the last read of it.
import { QueryClient, QueryObserver } from "@tanstack/react-query";
import { afterAll, beforeEach, expect, it, vi } from "vitest";

import { auditLogs } from "../src/api/admin";
import { get } from "../src/api/client";
import { ApiError } from "../src/api/errors";
import { grayPreview } from "../src/api/gray";
import { commits, releaseHistory } from "../src/api/history";
import { itemsWithValue, places } from "../src/api/search";
import { usersLike } from "../src/api/users";

const { fetched } = vi.hoisted(() => {
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  const fetched = vi.fn<typeof fetch>();
  vi.stubGlobal("fetch", fetched);
  return { fetched };
});
vi.mock("../src/api/preferences", () => ({ showStored: vi.fn() }));

afterAll(() => vi.unstubAllGlobals());
/** What the calls have answered so far, by the order in which they began. */
let answers: ((text: string) => void)[] = [];
beforeEach(() => {
  fetched.mockReset();
  answers = [];
  fetched.mockImplementation((_, init) => {
    const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
      start: (controller) => {
        answers.push((text) => controller.enqueue(new TextEncoder().encode(text)));
        init?.signal?.addEventListener("abort", () => controller.error(init.signal?.reason));
      },
    });
    return Promise.resolve(new Response(body));
  });
});

const calls = () => fetched.mock.calls.map(([address, init]) => [address, init?.signal?.aborted]);
const begun = (count = 1) => vi.waitFor(() => expect(fetched).toHaveBeenCalledTimes(count));
const AT = { app: "shop", env: "PRO", cluster: "default", ns: "application" };
const RULES = [{ clientAppId: "shop", clientIpList: ["10.0.0.1"], clientLabelList: [] }];

it.each([
  ["apps, namespaces or keys", (text: string) => places(text, "keys")],
  ["values", itemsWithValue],
  ["users", (text: string) => usersLike(text)],
  ["the audit log", auditLogs],
  ["publishes of a key", (text: string) => releaseHistory(AT, 20, text)],
  ["edits of a key", (text: string) => commits(AT, 20, text)],
  ["instances of a rule", (text: string) => grayPreview(AT, text, RULES)],
])("a search for %s ends when another one is wanted", async (_, search) => {
  const cache = new QueryClient({ defaultOptions: { queries: { retry: false } } });
  const observer = new QueryObserver(cache, search("a") as never);
  const close = observer.subscribe(() => undefined);
  await begun();
  observer.setOptions(search("ab") as never);
  await begun(2);
  expect(calls().map(([, isAborted]) => isAborted)).toEqual([true, false]);
  close();
  expect(calls().map(([, isAborted]) => isAborted)).toEqual([true, true]);
});

it("a read is not sent if it is aborted before the call of its moment", async () => {
  const search = new AbortController();
  const reads = [get("search", search.signal), get("draft")];
  search.abort();
  await expect(reads[0]).rejects.toBe(search.signal.reason);
  await begun();
  expect(calls()).toEqual([["/openapi/v1/draft", false]]);
  await expect(get("search", search.signal)).rejects.toBe(search.signal.reason);
});

it("a call continues as long as one of its reads is wanted", async () => {
  const [a, b] = [new AbortController(), new AbortController()];
  const reads = [get("a", a.signal), get("b", b.signal), get("draft")];
  await begun();
  a.abort();
  b.abort();
  for (const read of reads.slice(0, 2)) await expect(read).rejects.not.toBeInstanceOf(ApiError);
  expect(calls()).toEqual([["/openapi/v1/reads?paths=a%0Ab%0Adraft", false]]);
  answers[0]?.('{"index":2,"status":200,"headers":{},"body":"kept"}\n');
  expect(await reads[2]).toBe("kept");
});

it("a call ends with the last of its reads that somebody waits for, though others have their answers", async () => {
  const search = new AbortController();
  const reads = [get("draft"), get("search", search.signal)];
  await begun();
  answers[0]?.('{"index":0,"status":200,"headers":{},"body":"kept"}\n');
  expect(await reads[0]).toBe("kept");
  search.abort();
  await expect(reads[1]).rejects.toBe(search.signal.reason);
  expect(calls().map(([, isAborted]) => isAborted)).toEqual([true]);
});
