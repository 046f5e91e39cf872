// A page of a list that is too long for one answer is read in parts.
import { afterAll, beforeEach, expect, it, vi } from "vitest";

const fetched = vi.fn<typeof fetch>();
/** The length of each text of the list, and what one answer may have. */
let texts: number[] = [];
const MOST = 10;

beforeEach(() => {
  vi.resetModules();
  fetched.mockClear();
  vi.stubGlobal("document", { baseURI: "https://portal.example.org/" });
  vi.stubGlobal(
    "fetch",
    fetched.mockImplementation((address) => {
      const query = new URL(address as string, "https://portal.example.org").searchParams;
      const [page, size] = [Number(query.get("page")), Number(query.get("size"))];
      const rows = texts.slice(page * size, (page + 1) * size);
      if (rows.reduce((sum, length) => sum + length, 0) <= MOST) return Promise.resolve(Response.json(rows));
      return Promise.resolve(Response.json({ code: "answer_too_long" }, { status: 413 }));
    }),
  );
});
afterAll(() => vi.unstubAllGlobals());

const pageOf = async (page: number, size: number) => (await import("../src/api/pages")).getPage("list", page, size);

it("a page is one call as long as its texts are short", async () => {
  texts = Array.from({ length: 50 }, () => 0);
  expect(await pageOf(1, 20)).toHaveLength(20);
  expect(fetched).toHaveBeenCalledTimes(1);
});

it("a page with long texts has the same rows in the same order", async () => {
  texts = Array.from({ length: 34 }, (_, row) => (row % 7) + 1);
  expect(await pageOf(0, 20)).toEqual(texts.slice(0, 20));
  expect(await pageOf(1, 20), "the last one").toEqual(texts.slice(20));
  expect(await pageOf(0, 100)).toEqual(texts);
});

it("a row that is too long by itself is an error", async () => {
  texts = [1, MOST + 1];
  await expect(pageOf(0, 20)).rejects.toMatchObject({ status: 413, code: "answer_too_long" });
});
