// Lists that the server returns page by page, whose texts may be too long together for one answer.
import { get, path as query } from "./client";
import { isTooLong } from "./errors";

/**
 * One page of a list, whose number begins at 0. A page that is too long for one answer is read in parts of half its
 * size and less.
 */
export function getPage<T>(path: string, page: number, size: number, signal?: AbortSignal): Promise<T[]> {
  const read = async (page: number, size: number) =>
    (await get<T[]>(`${path}${path.includes("?") ? "&" : "?"}${query`page=${page}&size=${size}`}`, signal)) ?? [];
  return inParts(read, page, size);
}

async function inParts<T>(
  read: (page: number, size: number) => Promise<T[]>,
  page: number,
  size: number,
): Promise<T[]> {
  try {
    return await read(page, size);
  } catch (error) {
    if (!isTooLong(error) || size === 1) throw error;
  }
  // Pages begin at multiples of their size.
  const parts = [2, 3, 5].find((divisor) => size % divisor === 0) ?? size;
  const rows: T[] = [];
  for (let part = 0; part < parts && rows.length === (part * size) / parts; part++)
    rows.push(...(await inParts(read, page * parts + part, size / parts)));
  return rows;
}
