// A namespace that a start has opened for its events, while a caller opens it as a file.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { FakeClient } from '../testing.mjs';

const ROUNDS = 20;
const cell = new Int32Array(new SharedArrayBuffer(4));

/** Blocks the event loop, while the threads of the native half continue. */
function block(millis) {
  Atomics.wait(cell, 0, 0, millis);
}

/** A client that has started with the namespace `a`, and what it emits. */
async function started(t) {
  const client = new FakeClient({ a: { n: 0 } }, { settings: { 'castalia.namespaces': 'a' } });
  t.after(() => client.close());
  const heard = [];
  client.on('change', ({ sequence }, namespace) => heard.push(`${namespace.constructor.name} ${sequence}`));
  await client.start();
  return { client, heard };
}

test('a change after the last that the config has taken is emitted by the file', async (t) => {
  // B79
  const { client, heard } = await started(t);
  const [[, begun]] = await Promise.all([once(client, 'change'), client.set('a', { n: 1 })]);
  let change;
  begun._catchUp = async () => {
    delete begun._catchUp;
    await begun._catchUp();
    change = client.set('a', { n: 2 });
    while (!begun._native.view.entries(0, 1).includes('2')) {
      block(1);
    }
  };
  const file = await client.configFile('a');
  await change;
  assert.deepEqual([file.content, heard], ['n=2\n', ['Config 1', 'ConfigFile 2']]);
});

test('a change while a file is opened is emitted once', async (t) => {
  // B79
  for (let round = 1; round <= ROUNDS; round += 1) {
    const { client, heard } = await started(t);
    const results = [client.configFile('a'), client.set('a', { n: 1 })];
    // So that both results arrive in one step.
    block(10);
    const [file] = await Promise.all(results);
    assert.deepEqual([file.content, heard.length], ['n=1\n', 1], `round ${round}: ${heard}`);
  }
});

test('a config that is opened together with the file is not closed', async (t) => {
  // B79
  for (let round = 1; round <= ROUNDS; round += 1) {
    const { client, heard } = await started(t);
    const results = [client.configFile('a'), client.config('a')];
    block(10);
    const [file, config] = await Promise.all(results);
    await client.set('a', { n: 1 });
    assert.deepEqual([file.content, config.get('n')], ['n=1\n', '1'], `round ${round}`);
    assert.deepEqual(heard.sort(), ['Config 1', 'ConfigFile 1']);
  }
});
