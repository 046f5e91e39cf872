// What reads return follows every release, also those that no change announces.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Client, Settings } from '../index.mjs';
import { eventually, Scripted, serviceWith } from './support.mjs';

/** Counts the changes that a namespace announces. */
function changesOf(namespace) {
  const heard = { count: 0 };
  namespace.on('change', () => (heard.count += 1));
  return heard;
}

test('another source is told although the values are the same', async (t) => {
  // B32
  const service = await Scripted.start();
  t.after(() => service.stop());
  await service.publish('application', { n: '0' });
  await service.order('fail', 'config', '503');
  const client = new Client(new Settings(service.hurried()).seed('application', { n: '0' }));
  t.after(() => client.close());
  client.on('error', () => {});
  const sources = new Map();
  client.on('source', (source, namespace) => sources.set(namespace, source));
  const [config, file] = await Promise.all([client.config('application'), client.configFile('application')]);
  const heard = changesOf(config);
  assert.deepEqual([config.snapshot().source, file.snapshot().source, sources.size], ['static', 'static', 0]);

  await service.order('fail', 'config', '200');
  // Of the file, so that nothing asks the other one for anything.
  const isLoaded = () =>
    file.refresh().then(
      () => true,
      () => false,
    );
  await eventually(isLoaded, 'the server answers');
  await eventually(() => sources.size === 2, 'the source of both');
  assert.deepEqual([sources.get(config), sources.get(file)], ['remote', 'remote']);
  assert.deepEqual([config.snapshot().source, config.snapshot().releaseKey, heard.count], ['remote', 'k1', 0]);
});

test('a release with its keys in another order is followed', async (t) => {
  // B32
  const { client, service } = await serviceWith(t, { application: { a: '1', b: '2' } });
  const [config, file] = await Promise.all([client.config('application'), client.configFile('application')]);
  const heard = [changesOf(config), changesOf(file)];
  const before = config.snapshot();
  await service.push('application', { b: '2', a: '1' });
  await eventually(() => config.snapshot().releaseKey === 'k2' && file.snapshot().releaseKey === 'k2', 'the release');
  assert.deepEqual(
    [[...config.keys()], [...config.snapshot().keys()], [...before.keys()]],
    [
      ['b', 'a'],
      ['b', 'a'],
      ['a', 'b'],
    ],
  );
  assert.ok(config.snapshot().loadedAt >= before.loadedAt);
  assert.equal(file.content, 'b=2\na=1\n');
  assert.deepEqual(heard, [{ count: 0 }, { count: 0 }]);
});

test('a key is deleted although the environment has the same value', async (t) => {
  // B32
  process.env.CASTALIA_NODE_KEPT = 'same';
  t.after(() => delete process.env.CASTALIA_NODE_KEPT);
  const service = await Scripted.start();
  t.after(() => service.stop());
  await service.publish('application', { a: '1', CASTALIA_NODE_KEPT: 'same' });
  const settings = Settings.fromEnv();
  Object.entries(service.hurried({ 'castalia.env-fallback': true })).forEach(([name, value]) =>
    settings.set(name, value),
  );
  const client = new Client(settings);
  t.after(() => client.close());
  const config = await client.config('application');
  const watch = config.watch((snapshot) => [...snapshot.keys()]);
  const cancelled = config.watch((snapshot) => [...snapshot.keys()]);
  cancelled.cancel();
  const heard = changesOf(config);
  await service.push('application', { a: '1' });
  await eventually(() => config.size === 1 && watch.get().length === 1, 'the release');
  assert.deepEqual([[...config.keys()], watch.get(), [...config.snapshot()]], [['a'], ['a'], [['a', '1']]]);
  assert.deepEqual([config.get('CASTALIA_NODE_KEPT'), config.snapshot().get('CASTALIA_NODE_KEPT')], ['same', 'same']);
  assert.deepEqual([config.snapshot().releaseKey, cancelled.get().length, heard.count], ['k2', 2, 0]);
});
