// Reads that begin together are one call, and each has an answer of its own.
import { afterEach, beforeEach, expect, it, vi } from "vitest";

const fetched = vi.fn<typeof fetch>();

beforeEach(() => {
  vi.resetModules();
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  vi.stubGlobal("fetch", fetched);
});
afterEach(() => {
  vi.unstubAllGlobals();
  fetched.mockReset();
});

const line = (index: number, status: number, body: string, headers: Record<string, string> = {}) =>
  `${JSON.stringify({ headers, index, status }).slice(0, -1)},"body":${body}}\n`;
const addresses = () => fetched.mock.calls.map(([address]) => address as string);

it("one call for those of one moment, with status, revision and body of each", async () => {
  const { get, getWithRevision } = await import("../src/api/client");
  const lines = [
    line(2, 403, '{"message":"Access is denied","code":"forbidden"}'),
    line(0, 200, '[{"body":"a,\\"body\\":"}]'),
    line(1, 200, "null", { "castalia-revision": "r7" }),
  ];
  fetched.mockResolvedValueOnce(new Response(lines.join("")));
  const reads = [get("apps?q=a%2Fb&x=1"), getWithRevision("envs/DEV"), get("denied")];
  const [apps, draft, denied] = await Promise.allSettled(reads);
  expect(addresses()).toEqual(["/openapi/v1/reads?paths=apps?q=a%252Fb%26x=1%0Aenvs/DEV%0Adenied"]);
  expect(apps).toMatchObject({ value: [{ body: 'a,"body":' }] });
  expect(draft).toMatchObject({ value: { body: null, revision: "r7" } });
  expect(denied).toMatchObject({ reason: { status: 403, message: "Access is denied", code: "forbidden" } });
});

it("an answer is there before those that follow it", async () => {
  const { get } = await import("../src/api/client");
  let send: (text: string) => void = () => undefined;
  const body = new ReadableStream<Uint8Array<ArrayBuffer>>({
    start: (controller) => {
      send = (text) => (text ? controller.enqueue(new TextEncoder().encode(text)) : controller.close());
    },
  });
  fetched.mockResolvedValueOnce(new Response(body));
  const [slow, fast] = [get("slow"), get("fast")];
  const answer = line(1, 200, '"é"');
  send(answer.slice(0, -3));
  send(answer.slice(-3));
  expect(await fast).toBe("é");
  send("");
  await expect(slow).rejects.toMatchObject({ status: 0 });
});

it("a refused call refuses all of its reads", async () => {
  const { get } = await import("../src/api/client");
  fetched.mockResolvedValueOnce(new Response('{"message":"Unauthorized"}', { status: 401 }));
  for (const read of await Promise.allSettled([get("a"), get("b")])) {
    expect(read).toMatchObject({ reason: { status: 401 } });
  }
});

it("addresses stay short enough for proxies, and a single read is a plain call", async () => {
  const { get } = await import("../src/api/client");
  fetched.mockImplementation(() => Promise.resolve(new Response("", { status: 503 })));
  await Promise.allSettled(Array.from({ length: 200 }, (_, n) => get(`${"x".repeat(100)}${n}`)));
  expect(addresses().length).toBe(4);
  for (const address of addresses()) expect(address.length).toBeLessThan(6100);
  fetched.mockClear();
  await Promise.allSettled([get("alone")]);
  expect(addresses()).toEqual(["/openapi/v1/alone"]);
});
