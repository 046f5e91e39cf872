// Processes, workers and memory: nothing outlives its owner, and nothing disturbs others.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { eventually, HERE, Program, quickest, Scripted, serviceWith } from './support.mjs';

// `CASTALIA_TEST_LONG` asks for the numbers of the specification; without it a part of them runs.
const PART = process.env.CASTALIA_TEST_LONG ? 1 : 0.2;

async function service(test) {
  const scripted = await Scripted.start();
  test.after(() => scripted.stop());
  await scripted.publish('application', { a: '1', n: '0' });
  return scripted;
}

/** Publishes one release after another until it is stopped. */
function load(scripted) {
  let going = true;
  const done = (async () => {
    for (let n = 1; going; n += 1) {
      await scripted.publish('application', { a: '1', n: String(n) });
    }
  })();
  return async () => {
    going = false;
    await done;
  };
}

for (const how of ['plain', 'listener']) {
  test(`a process with a client ends by itself: ${how}`, async (t) => {
    // C119, T29
    const scripted = await service(t);
    const end = async () => {
      const program = new Program('ends.mjs', { args: [how, JSON.stringify(scripted.settings())] });
      assert.equal(await program.message('read'), '1');
      const begun = Date.now();
      const { code } = await program.ended;
      assert.deepEqual([code, program.errors], [0, '']);
      return Date.now() - begun;
    };
    assert.ok((await quickest(1000, end)) < 1000);
  });
}

test('a process with a client that is to keep it alive stays', async (t) => {
  // C119
  const scripted = await service(t);
  const program = new Program('ends.mjs', { args: ['keepAlive', JSON.stringify(scripted.settings())] });
  t.after(() => program.kill());
  await program.message('read');
  const first = await Promise.race([program.ended, new Promise((resolve) => setTimeout(resolve, 1500, 'stays'))]);
  assert.equal(first, 'stays');
});

test('clients leave no handle open, and an idle one keeps no process alive', async (t) => {
  const scripted = await service(t);
  const args = [JSON.stringify(scripted.settings())];
  const program = new Program('handles.mjs', { args, flags: ['--expose-gc'] });
  t.after(() => program.kill());
  // The one that wakes the process is created when the package is loaded.
  assert.deepEqual(await program.message('handles', 240_000), { idle: [], left: [], wakers: 1 });
  assert.equal((await program.ended).code, 0);
});

test(
  `${200 * PART} processes end while events fire, with their own code and in silence`,
  { timeout: 900_000 },
  async (t) => {
    // C114, T24, T48
    const scripted = await service(t);
    const stop = load(scripted);
    const args = ['exit', JSON.stringify(scripted.hurried())];
    for (let batch = 0; batch < 50 * PART; batch += 1) {
      const programs = Array.from({ length: 4 }, () => new Program('ends.mjs', { args }));
      for (const program of programs) {
        const { code, signal } = await program.ended;
        assert.deepEqual([code, signal, program.errors], [3, null, '']);
      }
    }
    await stop();
  },
);

test('an unreachable server without any handler leaves the process alone', async () => {
  // T33
  const settings = { 'app.id': 'order', 'apollo.config-service': 'http://127.0.0.1:1', 'castalia.start-timeout': 300 };
  const args = [JSON.stringify({ ...settings, 'apollo.cache.file.enable': false })];
  const program = new Program('unreachable.mjs', { args });
  assert.match(await program.message('state'), /Loading|Transport|Unavailable/);
  assert.equal((await program.ended).code, 0);
  assert.doesNotMatch(program.errors, /Unhandled/i);
});

test('a busy event loop stalls nobody, and hears of all that it missed', { timeout: 600_000 }, async (t) => {
  // T31, C104
  const scripted = await service(t);
  const folder = await mkdtemp(path.join(tmpdir(), 'castalia-'));
  t.after(() => rm(folder, { recursive: true }));
  const done = path.join(folder, 'done');
  const settings = { ...scripted.hurried(), 'castalia.listener-queue': 16 };
  const program = new Program('busy.mjs', { args: [JSON.stringify(settings)] });
  t.after(() => program.kill());
  await program.message('ready');
  const before = Number(await scripted.order('requests', 'config'));
  const loads = async () => Number(await scripted.order('requests', 'config')) - before;
  program.tell(done);
  await eventually(() => program.output === 'busy', 'the loop is busy');
  const orders = Array.from({ length: 10_000 }, (_, n) => scripted.publish('application', { n: String(n) }));
  await Promise.all(orders);
  // The program may have had no processor during all of these.
  let next = orders.length;
  const isLoading = async () => {
    await scripted.publish('application', { n: String(next++) });
    return (await loads()) > 20;
  };
  await eventually(isLoading, 'the native half loads while the loop is busy');
  await scripted.publish('application', { n: 'last' });
  await writeFile(done, '');
  const heard = await program.message('heard', 240_000);
  assert.ok(heard.length <= 20, `${heard.length} events`);
  assert.ok(heard.some(({ coalesced }) => coalesced > 0));
  heard.slice(1).forEach(({ sequence, change }, at) => {
    assert.ok(sequence > heard[at].sequence);
    assert.equal(change.oldValue, heard[at].change.newValue);
  });
});

test('a change of ten thousand keys keeps the event loop for less than 5 ms', { timeout: 600_000 }, async (t) => {
  // T35
  const scripted = await service(t);
  const values = (n) =>
    Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`key.${at}`, `value ${n} of ${at}`]));
  await scripted.publish('many', values(0));
  // All garbage collection then runs on the measured thread.
  const flags = ['--single-threaded-gc'];
  const program = new Program('delay.mjs', { args: [JSON.stringify(scripted.settings())], flags });
  t.after(() => program.kill());
  assert.equal(await program.message('ready'), 10_000);
  const turns = [];
  // On a busy or slow machine a turn may take three times as long as plain JavaScript takes there
  // for as many changes.
  const isShort = ({ millis, reference }) => millis < Math.max(5, 3 * reference);
  // Cold caches and other programs make a turn longer, but nothing makes one shorter, so two short
  // ones suffice.
  for (let n = 1; n <= 40 && turns.filter(isShort).length < 2; n += 1) {
    program.messages.length = 0;
    program.tell('measure');
    await scripted.order('held', '1');
    await scripted.publish('many', values(n));
    await program.message('millis', 120_000);
    turns.push(program.messages[0]);
    assert.equal(turns.at(-1).changes, 10_000);
    assert.equal(turns.at(-1).value, `value ${n} of 9999`);
  }
  const shown = turns.map(({ millis, reference }) => `${millis.toFixed(1)} (${reference.toFixed(1)})`);
  t.diagnostic(`longest turns (and plain JavaScript): ${shown.join(', ')} ms`);
  assert.equal(turns.filter(isShort).length, 2);
});

const CYCLES = [
  { what: 'subscribe', warm: 50_000, times: 100_000, loaded: true, name: 'subscriptions' },
  { what: 'iterate', warm: 50_000, times: 100_000, loaded: true, name: 'iterators' },
  { what: 'clients', warm: 400, times: 1000, loaded: false, name: 'clients of a server' },
  { what: 'alone', warm: 500, times: 9000, loaded: false, name: 'clients without a server' },
];
// Each measures a process of its own, so they do not disturb each other.
describe('cycles', { concurrency: 2 }, () => {
  for (const { what, warm, times, loaded, name } of CYCLES) {
    test(`${times * PART} ${name} come and go without a trace`, { timeout: 900_000 }, async (t) => {
      // T14, T30, C115
      const scripted = await service(t);
      const stop = loaded ? load(scripted) : async () => {};
      const args = [what, JSON.stringify(scripted.settings()), String(warm), String(times * PART)];
      // Otherwise the allocator keeps memory for every thread, and the young generation grows over
      // time.
      const [env, flags] = [{ MALLOC_ARENA_MAX: '1' }, ['--expose-gc', '--max-semi-space-size=1']];
      const program = new Program('cycles.mjs', { args, env, flags });
      t.after(() => program.kill());
      const { before, after } = await program.message('measured', 850_000);
      await stop();
      t.diagnostic(JSON.stringify({ before, after }));
      assert.ok(after.memory < before.memory * 1.05, 'resident memory');
      assert.ok(after.heap < before.heap * 1.1, 'heap');
      assert.equal(after.handlers, before.handlers);
      assert.equal(after.live, before.live);
      // The size of a thread pool varies by a few threads.
      assert.ok(after.threads <= before.threads + 3 && after.files <= before.files + 1);
    });
  }
});

for (const own of ['own', 'none']) {
  test(
    `two hundred workers are terminated under load: ${own} client in the main thread`,
    { timeout: 900_000 },
    async (t) => {
      // C120, T32, T49
      const scripted = await service(t);
      const stop = load(scripted);
      // A release whose validator was terminated is a warning.
      const flags = ['--no-warnings'];
      const program = new Program('terminates.mjs', { flags, args: [own, JSON.stringify(scripted.hurried()), '20'] });
      t.after(() => program.kill());
      const value = await program.message('value', 850_000);
      const { code, signal } = await program.ended;
      await stop();
      assert.deepEqual([code, signal, program.errors], [0, null, '']);
      assert.ok(own === 'none' || Number(value) > 0);
    },
  );
}

test('workers with clients of their own hear of their own changes', async (t) => {
  // T34
  const services = await Promise.all([service(t), service(t)]);
  const workers = services.map((scripted) => {
    const worker = new Worker(path.join(HERE, 'programs/worker.mjs'), { workerData: scripted.settings() });
    worker.values = [];
    worker.on('message', (value) => worker.values.push(value));
    return worker;
  });
  await eventually(() => workers.every(({ values }) => values.length === 1), 'the first values');
  await services[0].push('application', { n: 'first' });
  await services[1].push('application', { n: 'second' });
  await eventually(() => workers.every(({ values }) => values.length === 2), 'the changes');
  assert.deepEqual(
    workers.map(({ values }) => values),
    [
      ['0', 'first'],
      ['0', 'second'],
    ],
  );
  const ends = workers.map((worker) => once(worker, 'exit'));
  workers.forEach((worker) => worker.terminate());
  await Promise.all(ends);
});

test('two copies of the native half in one process both follow', async (t) => {
  // T57
  const { client, service: scripted } = await serviceWith(t, { application: { n: '0' } });
  const folder = await mkdtemp(path.join(tmpdir(), 'castalia-'));
  t.after(() => rm(folder, { recursive: true }));
  const copy = path.join(folder, 'castalia.node');
  await copyFile(path.join(HERE, '../build/castalia.node'), copy);
  const options = { workerData: scripted.settings(), env: { ...process.env, CASTALIA_NODE_NATIVE_PATH: copy } };
  const worker = new Worker(path.join(HERE, 'programs/worker.mjs'), options);
  const values = [];
  worker.on('message', (value) => values.push(value));
  const config = await client.config('application');
  await eventually(() => values.length === 1, 'the first value');
  await scripted.order('held', '2');
  await scripted.publish('application', { n: '1' });
  await eventually(() => values.length === 2 && config.get('n') === '1', 'the change in both');
  const loaded = process.report.getReport().sharedObjects.filter((file) => file.endsWith('castalia.node'));
  assert.deepEqual([values, loaded.length], [['0', '1'], 2]);
  await worker.terminate();
});

test('a program that is executed inherits no socket', async (t) => {
  // T47
  const { client, service: scripted } = await serviceWith(t, { application: { a: '1' } });
  await client.config('application');
  await scripted.order('held', '1');
  const files = execFileSync('ls', ['-l', '/proc/self/fd'], { encoding: 'utf8' });
  // The first three are the standard streams between Node and the program.
  assert.doesNotMatch(files, / ([3-9]|\d\d+) -> (socket|anon_inode)/);
});
