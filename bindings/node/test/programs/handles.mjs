// What clients leave open, and what an open one adds to that which keeps the process alive: types of
// asynchronous resources, as Jest counts them with `--detectOpenHandles`.
import { createHook } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

/** Those that were not destroyed, by number. */
const resources = new Map();
createHook({
  init: (number, type, _trigger, resource) => {
    if (type !== 'PROMISE') {
      resources.set(number, { type, resource: new WeakRef(resource) });
    }
  },
  destroy: (number) => resources.delete(number),
}).enable();
const { Client } = await import('../../index.mjs');

/** Those that are open. A timer that keeps no process alive is not. */
function open() {
  const isOpen = (resource) => resource && (!('hasRef' in resource) || resource.hasRef());
  return [...resources.values()].filter(({ resource }) => isOpen(resource.deref())).map(({ type }) => type);
}

function without(types, others) {
  const rest = [...others];
  return types.filter((type) => {
    const at = rest.indexOf(type);
    return at < 0 || rest.splice(at, 1).length === 0;
  });
}

/** What there is beyond `before`, after what ends by itself had this many milliseconds. */
async function added(before, look, patience) {
  let more = without(look(), before);
  for (const end = Date.now() + patience; more.length > 0 && Date.now() < end; more = without(look(), before)) {
    gc();
    await sleep(20);
  }
  return more;
}

async function listening() {
  const client = new Client(JSON.parse(process.argv[2]));
  const config = await client.config('application');
  config.on('change', () => {});
  client.on('change', () => {});
  config.watch((snapshot) => snapshot.get('a'));
  config.changes();
  return client;
}

const active = () => process.getActiveResourcesInfo();
gc();
// Loading modules leaves resources that end by themselves.
await sleep(20);
const before = { open: open(), active: active() };
const client = await listening();
const idle = await added(before.active, active, 60_000);
await client.close();
for (let at = 0; at < 20; at += 1) {
  await (await listening()).close();
}
// Timers of a client that is left would end by themselves within a minute.
const left = await added(before.open, open, 15_000);
const wakers = open().filter((type) => type === 'napi_rs_threadsafe_function').length;
process.send({ handles: { idle, left, wakers } });
