// Repeats an operation many times and reports what it leaves behind: memory in MB, handles, threads
// and files, before and after.
import fs from 'node:fs';
import { createRequire } from 'node:module';
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import { Client, Settings } from '../../index.mjs';

const require = createRequire(import.meta.url);
const { handlerCount } = require('../../lib/mailbox.cjs');

const [what, settings] = [process.argv[2], JSON.parse(process.argv[3])];

const work = {
  async subscribe() {
    const client = await opened(settings);
    const config = await client.config('application');
    return async (times) => {
      for (let at = 0; at < times; at += 1) {
        const listener = () => {};
        config.on('change', listener, { keys: ['a'] });
        config.off('change', listener);
        if (at % 1000 === 0) {
          await turn();
        }
      }
    };
  },
  async iterate() {
    const client = await opened(settings);
    const config = await client.config('application');
    return async (times) => {
      for (let at = 0; at < times; at += 1) {
        await config.changes().return();
        if (at % 1000 === 0) {
          await turn();
        }
      }
    };
  },
  clients: () => clientsOf(settings),
  /** Without a server, on in-memory values. */
  alone: () =>
    clientsOf(
      new Settings({ 'app.id': 'order', env: 'LOCAL', 'apollo.cache.file.enable': false }).seed('application', {
        a: '1',
      }),
    ),
};

let live = 0;
const registry = new FinalizationRegistry(() => {
  live -= 1;
});

function clientsOf(settings) {
  return async (times) => {
    for (let at = 0; at < times; at += 1) {
      await opensAndCloses(settings);
    }
  };
}

async function opened(settings) {
  const client = new Client(settings);
  live += 1;
  registry.register(client, undefined);
  const config = await client.config('application');
  if (config.get('a') === undefined) {
    // A first load may fail on a busy machine, which is not what this test measures.
    await config.refresh();
  }
  return client;
}

/** A client that is referenced by its own listeners. */
async function opensAndCloses(settings) {
  const client = await opened(settings);
  const config = await client.config('application');
  config.on('change', () => client.metrics());
  client.on('change', () => config.get('a'));
  config.watch(() => config.get('a'));
  config.changes();
  client.validate('application', () => void client.appId);
  await client.close();
}

const threads = () => fs.readdirSync('/proc/self/task').length;
const files = () => fs.readdirSync('/proc/self/fd').length;

/** Clients that the work keeps. */
const kept = ['subscribe', 'iterate'].includes(what) ? 1 : 0;

/**
 * After what ends by itself had 15 s: clients, and compared with `before` threads and files. Timers
 * of a client that is left would end by themselves within a minute.
 */
async function measure(before = { threads: Infinity, files: Infinity }) {
  const isEnding = () => live > kept || threads() > before.threads + 3 || files() > before.files + 1;
  const end = Date.now() + 15_000;
  for (let at = 0; at < 10 || (isEnding() && Date.now() < end); at += 1) {
    gc();
    await (at < 10 ? turn() : sleep(20));
  }
  return {
    memory: process.memoryUsage.rss() / 1e6,
    heap: process.memoryUsage().heapUsed / 1e6,
    handlers: handlerCount(),
    live,
    threads: threads(),
    files: files(),
  };
}

const [warm, times] = process.argv.slice(4).map(Number);
const run = await work[what]();
// The process keeps the memory of its highest demand, including that of measuring, so the baseline
// is taken after a first run.
await run(warm);
await measure();
await run(warm);
const before = await measure();
await run(times);
process.send({ measured: { before, after: await measure(before) } }, () => process.exit(0));
