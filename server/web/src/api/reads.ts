// Reads that begin at the same time are sent as one call, so that a page costs a few calls however
// much it shows. Each receives its own answer as soon as the server has it.
import { ApiError } from "./errors";

/** What is used of a response, which the line of an answer also provides. */
export type Answer = Pick<Response, "ok" | "status" | "statusText" | "type" | "headers" | "text">;

interface Read {
  path: string;
  resolve: (answer: Answer) => void;
  reject: (reason: unknown) => void;
  signal: AbortSignal | undefined;
  /** Whether its answer is still missing, and its reader waits for it. */
  isOpen: boolean;
}

/** Performs one call. */
type Send = (path: string, signal: AbortSignal) => Promise<Response>;

/** Proxies refuse longer addresses, Nginx from 8 KiB. */
const LONGEST = 6000;

/** Answers that arrive together are rendered one after another: what the page reads because of them waits so long. */
const FOLLOWING_MS = 20;
/** Reads this soon after an answer are taken to follow from it. */
const SOON_MS = 100;

let waiting: Read[] = [];
let answeredAt = -Infinity;

/** A read that is aborted rejects at once; its call ends with the last of its reads that somebody waits for. */
export function readTogether(path: string, send: Send, signal?: AbortSignal): Promise<Answer> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    // What one frame of a page asks for arrives before the next task.
    const pause = performance.now() - answeredAt < SOON_MS ? FOLLOWING_MS : 0;
    if (waiting.length === 0) setTimeout(() => flush(send), pause);
    const read: Read = { path, resolve, reject, signal, isOpen: true };
    waiting.push(read);
    signal?.addEventListener("abort", () => {
      read.isOpen = false;
      reject(signal.reason as Error);
    });
  });
}

function flush(send: Send): void {
  const reads = waiting.filter(({ isOpen }) => isOpen);
  waiting = [];
  for (const group of groups(reads)) {
    const [first] = group;
    const signal = endOf(group);
    const call = first && group.length === 1 ? send(first.path, signal).then(first.resolve) : all(group, send, signal);
    call.catch((reason: unknown) => group.forEach(({ reject }) => reject(reason)));
  }
}

/** Is aborted once nobody waits for any of these reads. */
function endOf(group: Read[]): AbortSignal {
  const call = new AbortController();
  const end = () => {
    if (!group.some(({ isOpen }) => isOpen)) call.abort();
  };
  for (const { signal } of group) signal?.addEventListener("abort", end);
  return call.signal;
}

function groups(reads: Read[]): Read[][] {
  const found: Read[][] = [];
  let length = LONGEST;
  for (const read of reads) {
    const own = escaped(read.path).length + 3;
    length += own;
    if (length > LONGEST) {
      found.push([]);
      length = own;
    }
    found.at(-1)?.push(read);
  }
  return found;
}

async function all(group: Read[], send: Send, signal: AbortSignal): Promise<void> {
  const response = await send(`reads?paths=${group.map(({ path }) => escaped(path)).join("%0A")}`, signal);
  if (!response.ok || !response.body) {
    const text = await response.text();
    const { ok, status, statusText, type, headers } = response;
    for (const { resolve } of group)
      resolve({ ok, status, statusText, type, headers, text: () => Promise.resolve(text) });
    return;
  }
  for await (const line of linesOf(response.body)) {
    const { index, answer } = parseLine(line);
    answeredAt = performance.now();
    const read = group[index];
    if (!read) continue;
    read.isOpen = false;
    read.resolve(answer);
  }
  // Reads that have their answer ignore it.
  throw new ApiError(0, "The connection ended before all answers had arrived");
}

async function* linesOf(body: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  for (;;) {
    const part = await reader.read().catch((cause: unknown) => {
      throw new ApiError(0, cause instanceof Error ? cause.message : "");
    });
    if (part.done) return;
    const lines = (rest + decoder.decode(part.value, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

/** The body stays a text, so that it is parsed once, by its reader. */
export function parseLine(line: string): { index: number; answer: Answer } {
  const end = line.indexOf(',"body":');
  const head = JSON.parse(`${line.slice(0, end)}}`) as {
    index: number;
    status: number;
    headers: Record<string, string>;
  };
  const body = line.slice(end + ',"body":'.length, -1);
  const { index, status } = head;
  const answer: Answer = {
    ok: status >= 200 && status < 300,
    status,
    statusText: "",
    type: "basic",
    headers: new Headers(head.headers),
    text: () => Promise.resolve(body === "null" ? "" : body),
  };
  return { index, answer };
}

/** Only what would end the value is escaped: most of a path is readable in logs. */
function escaped(path: string): string {
  return path.replace(/[%&+#]/g, encodeURIComponent);
}
