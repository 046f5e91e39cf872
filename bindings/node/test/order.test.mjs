// Reads and events have one order: a listener receives every difference from what reads returned
// before, whenever changes arrive.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { CastaliaError } from '../index.mjs';
import { eventually, serviceWith } from './support.mjs';

const ROUNDS = 60;
const cell = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the event loop, while the threads of the native half continue. */
function block(millis) {
  Atomics.wait(cell, 0, 0, millis);
}

test('a read and the events after it add up to the newest content', { timeout: 600_000 }, async (t) => {
  const { client, service } = await serviceWith(t, { application: { n: '0' } });
  const config = await client.config('application');
  const models = [];
  for (let n = 1; n <= ROUNDS; n += 1) {
    const published = service.publish('application', { n: String(n), [`k${n % 7}`]: String(n) });
    block(Math.random() * 12);
    const model = new Map();
    const early = config.get('n');
    config.onChange(({ changes }) => {
      for (const [key, { oldValue, newValue }] of changes) {
        assert.equal(oldValue, model.get(key) ?? null, `the old value of ${key}`);
        newValue === null ? model.delete(key) : model.set(key, newValue);
      }
    });
    block(Math.random() * 6);
    assert.equal(config.get('n'), early, 'nothing changes within one step');
    config.forEach((value, key) => model.set(key, value));
    models.push(model);
    await published;
    if (Math.random() < 0.5) {
      await sleep(Math.random() * 6);
    }
  }
  await eventually(() => config.get('n') === String(ROUNDS), 'the last release');
  const newest = () => Object.fromEntries(config);
  for (const model of models) {
    await eventually(() => model.get('n') === String(ROUNDS), 'the last event');
    assert.deepEqual(Object.fromEntries(model), newest());
  }
  assert.equal(client.metrics().namespaces[0].listenerFailures, 0);
});

test(
  'releases that no change announces disturb no order, and the last one arrives',
  { timeout: 600_000 },
  async (t) => {
    // B32
    const { client, service } = await serviceWith(t, { application: { n: '0', m: '0' } });
    const config = await client.config('application');
    const models = [];
    let last;
    for (let n = 1; n <= ROUNDS; n += 1) {
      // The second differs from the first only in the order of its keys.
      const releases = [
        { n: String(n), m: '0' },
        { m: '0', n: String(n) },
      ];
      const published = releases.map((values) => service.publish('application', values));
      block(Math.random() * 12);
      const model = new Map(config);
      config.onChange(({ changes }) => {
        for (const [key, { oldValue, newValue }] of changes) {
          assert.equal(oldValue, model.get(key), `the old value of ${key}`);
          model.set(key, newValue);
        }
      });
      models.push(model);
      [, last] = await Promise.all(published);
    }
    await eventually(() => config.snapshot().releaseKey === last, 'the last release');
    await eventually(() => models.every((model) => model.get('n') === String(ROUNDS)), 'the last event');
    assert.deepEqual([...config.keys()], ['m', 'n']);
    assert.equal(client.metrics().namespaces[0].listenerFailures, 0);
  },
);

test('an iterator begins where reads are', { timeout: 600_000 }, async (t) => {
  const { client, service } = await serviceWith(t, { application: { n: '0' } });
  const config = await client.config('application');
  for (let n = 1; n <= 10; n += 1) {
    await service.order('held', '1');
    const published = service.publish('application', { n: String(n) });
    block(60);
    const read = config.get('n');
    const changes = config.changes();
    await published;
    assert.equal(read, String(n - 1));
    const { value } = await changes.next();
    assert.equal(value.changes.get('n').newValue, String(n));
    await changes.return();
  }
});

test('a watch finds the release that lands while it parses for the first time', { timeout: 600_000 }, async (t) => {
  const { client, service } = await serviceWith(t, { application: { n: '0' } });
  const config = await client.config('application');
  for (let n = 1; n <= 20; n += 1) {
    await service.order('held', '1');
    let published;
    const watch = config.watch((snapshot) => {
      published ??= service.publish('application', { n: String(n) });
      block(Math.random() * 60);
      return snapshot.get('n');
    });
    await published;
    await eventually(() => watch.get() === String(n), `release ${n}; it is ${watch.get()}`);
    watch.cancel();
  }
});

test('what cannot be called, or is no list of strings, is refused at the call', async (t) => {
  const { client } = await serviceWith(t, { application: { n: '0' } });
  const config = await client.config('application');
  const calls = [
    () => config.onChange('text'),
    () => config.on('change', 'text'),
    () => config.on('change', () => {}, { keys: 'n' }),
    () => config.onChange(() => {}, { prefixes: [1] }),
    () => config.changes({ keys: 5 }),
    () => config.watch('text'),
    () => config.getWith('n', 'text'),
    () => client.validate('application', 'text'),
  ];
  for (const call of calls) {
    assert.throws(call, (error) => error instanceof CastaliaError && error.code === 'InvalidArgument', String(call));
  }
  assert.equal(config.listenerCount('change'), 0);
});

test('after the client is closed only reads answer', async (t) => {
  const { client } = await serviceWith(t, { application: { n: '1' } });
  const [config, file] = await Promise.all([client.config('application'), client.configFile('application')]);
  await client.close();
  const calls = [
    () => client.start(),
    () => client.config('application'),
    () => client.config('another'),
    () => client.configFile('application'),
    () => client.validate('application', () => null),
    () => client.setAccessKey('order', 'secret'),
    () => config.refresh(),
    () => config.onChange(() => {}),
    () => config.on('change', () => {}),
    () => config.changes(),
    () => config.watch(() => 1),
    () => file.onChange(() => {}),
    () => file.changes(),
  ];
  for (const call of calls) {
    await assert.rejects(async () => call(), { code: 'Closed' }, String(call));
  }
  assert.equal(config.getInt('n'), 1);
  assert.equal(config.snapshot().get('n'), '1');
  assert.ok(client.metrics() && client.settings() && file.content);
});
