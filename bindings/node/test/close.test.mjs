// Closing a namespace while its client remains open.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { eventually, serviceWith } from './support.mjs';

test('a namespace that is closed is given up, and opened anew', async (t) => {
  // F159
  const { client, service } = await serviceWith(t, { application: { n: '0' } });
  const config = await client.config('application');
  assert.equal(await client.config('application'), config);
  const heard = [];
  config.on('change', (event) => heard.push(event));
  const watch = config.watch((snapshot) => snapshot.get('n'));
  const [changes, refreshed] = [config.changes(), config.refresh()];
  const next = changes.next();
  config.close();
  config.close();
  assert.equal((await next).done, true);
  await refreshed;
  await eventually(() => client.metrics().namespaces.length === 0, 'it is not open any more');
  await service.publish('application', { n: '1' });

  const closed = { code: 'Closed', message: /namespace is closed/ };
  await assert.rejects(config.refresh(), closed);
  for (const call of [
    () => config.state,
    () => config.lastError,
    () => config.changes(),
    () => config.onChange(() => {}),
    () => config.on('change', () => {}),
    () => config.watch(() => 1),
  ]) {
    assert.throws(call, closed);
  }
  assert.deepEqual([config.get('n'), config.getInt('n', 5), config.getInt('x', 7), watch.get()], ['0', 0, 7, '0']);
  assert.deepEqual([config.source, config.snapshot().size, config.namespace], ['remote', 1, 'application']);

  const again = await client.config('application');
  assert.notEqual(again, config);
  assert.equal(again.get('n'), '1');
  config.close();
  const change = once(again, 'change');
  await service.push('application', { n: '2' });
  await change;
  assert.deepEqual([again.get('n'), config.get('n'), heard], ['2', '0', []]);
});

test('a namespace is open until config and file of it are closed', async (t) => {
  // F159
  const { client, service } = await serviceWith(t, { application: { n: '0' } });
  const [config, file] = await Promise.all([client.config('application'), client.configFile('application')]);
  let heard = 0;
  config.on('change', () => (heard += 1));
  const changes = config.changes();
  config.close();
  const change = once(file, 'change');
  await service.push('application', { n: '1' });
  await change;
  assert.deepEqual([file.content, config.get('n'), heard, (await changes.next()).done], ['n=1\n', '0', 0, true]);
  file.close();
  assert.throws(() => file.state, { code: 'Closed' });
  assert.deepEqual([file.content, file.source, file.format], ['n=1\n', 'remote', 'properties']);
  await eventually(() => client.metrics().namespaces.length === 0, 'nothing is open any more');
});

test('a listener may close its namespace', async (t) => {
  // T17
  const { client, service } = await serviceWith(t, { application: { n: '0' } });
  const config = await client.config('application');
  let heard = 0;
  const closed = new Promise((resolve) => {
    config.on('change', () => {
      heard += 1;
      config.close();
      resolve();
    });
  });
  await service.push('application', { n: '1' });
  await closed;
  const again = await client.config('application');
  await service.push('application', { n: '2' });
  await eventually(() => again.get('n') === '2', 'the new one follows');
  assert.deepEqual([heard, config.get('n')], [1, '1']);
});

test('a namespace can be disposed of', { skip: !Symbol.dispose }, async (t) => {
  const { client } = await serviceWith(t, { application: { n: '0' } });
  const config = await client.config('application');
  config[Symbol.dispose]();
  assert.throws(() => config.state, { code: 'Closed' });
});
