// The other entry points of the package: the fake client for tests, the OpenFeature provider,
// enumerations, and a start that fails.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { OpenFeature, ProviderEvents } from '@openfeature/server-sdk';
import { CastaliaError, Client } from '../index.mjs';
import { CastaliaProvider } from '../openfeature.mjs';
import { FakeClient } from '../testing.mjs';
import { eventually, serviceWith, warningThat } from './support.mjs';

test('a fake client returns what a test sets, and announces it', async () => {
  const odd = { 'a b=c': ' x\\y\n', ä: '\u{1F600}', n: 5 };
  const client = new FakeClient({ application: odd });
  const config = await client.config('application');
  assert.deepEqual(Object.fromEntries(config), { ...odd, n: '5' });
  const heard = once(config, 'change');
  await client.set('application', { n: 6, ä: null });
  assert.deepEqual([config.getInt('n'), config.has('ä'), config.get('a b=c')], [6, false, ' x\\y\n']);
  const [{ changes }] = await heard;
  assert.deepEqual([...changes.keys()].sort(), ['n', 'ä'].sort());
  await client.publish('application', { only: 1 });
  assert.deepEqual(Object.fromEntries(config), { only: '1' });
  await client.set('later', { a: 1 });
  assert.equal((await client.config('later')).get('a'), '1');
  const enabled = client.settings().find(({ name }) => name === 'apollo.cache.file.enable').value;
  assert.deepEqual([client.appId, enabled], ['test', 'false']);
  await client.close();
  await assert.rejects(client.publish('application', {}), { code: 'Closed' });
});

test('a fake client has called the listeners when its promises resolve', async (t) => {
  // B42
  const client = new FakeClient({ application: { n: 0 } });
  t.after(() => client.close());
  const config = await client.config('application');
  const heard = [];
  config.on('change', ({ changes }) => heard.push(changes.size));
  (await client.configFile('application')).onChange(() => heard.push('text'));
  const watch = config.watch((snapshot) => snapshot.size);
  // So many keys that their changes are copied in several turns of the event loop.
  const many = Object.fromEntries(Array.from({ length: 20_000 }, (_, n) => [`k${n}`, n]));
  await client.set('application', many);
  assert.deepEqual([heard.splice(0).sort(), watch.get()], [[20_000, 'text'], 20_001]);
  await client.publish('application', { n: 1 });
  assert.deepEqual([heard.splice(0).sort(), watch.get()], [[20_001, 'text'], 1]);
});

test('a fake client waits for no promise of a listener, which may itself set values', async (t) => {
  // B42
  const client = new FakeClient({ application: { n: 0 } });
  t.after(() => client.close());
  const config = await client.config('application');
  const heard = [];
  let release;
  const released = new Promise((resolve) => (release = resolve));
  config.onChange(async ({ changes }) => {
    const n = Number(changes.get('n').newValue);
    heard.push(n);
    await released;
    if (n < 4) {
      await client.set('application', { n: n + 1 });
    }
  });
  await client.set('application', { n: 1 });
  assert.deepEqual(heard, [1]);
  await client.set('application', { n: 2 });
  assert.deepEqual([heard, config.getInt('n')], [[1], 2], 'it is busy');
  release();
  await eventually(() => heard.includes(4), 'what the listener sets');
});

test('a test may let a namespace fail', async (t) => {
  const client = new FakeClient({}, { settings: { 'app.id': 'order' } });
  t.after(() => client.close());
  await client.fail('application');
  const warned = warningThat(/the namespace is empty.*namespace=application/);
  const config = await client.config('application');
  await warned;
  assert.deepEqual([client.appId, config.source, config.state], ['order', 'none', 'Unavailable']);
  await client.set('application', { a: 1 });
  assert.deepEqual([config.get('a'), config.state, config.lastError], ['1', 'Ready', null]);
  await client.fail('application');
  assert.deepEqual([config.get('a'), config.state, config.lastError.code], ['1', 'Transport', 'Transport']);
});

test('a client that requires values refuses to start without them, and another one warns', async (t) => {
  const settings = { 'app.id': 'order', 'apollo.meta': 'http://127.0.0.1:9', 'apollo.cache.file.enable': false };
  const strict = new Client(settings, { required: true });
  await assert.rejects(strict.config('application'), { code: 'NotReady' });
  await strict.close();
  await assert.rejects(Client.start({ ...settings, 'castalia.namespaces': 'application' }, { required: true }), {
    code: 'NotReady',
  });
  const client = new Client(settings);
  t.after(() => client.close());
  const warned = warningThat(/the namespace is empty.*reads return their defaults.*namespace=application/);
  const config = await client.config('application');
  assert.deepEqual([config.source, config.size], ['none', 0]);
  assert.notEqual(config.state, 'Ready');
  assert.equal((await warned).name, 'CastaliaWarning');
});

test('B122: a start that loads nothing is one warning', async (t) => {
  const { client: refused, service } = await serviceWith(t, {});
  await service.order('fail', 'config', '401');
  const settings = { 'app.id': 'order', 'apollo.meta': 'http://127.0.0.1:9', 'apollo.cache.file.enable': false };
  // Polls that fail repeatedly are a warning of their own.
  const unreachable = new Client({ ...settings, 'castalia.long-poll.enable': false });
  t.after(() => unreachable.close());
  for (const [client, code] of [
    [refused, 'Unauthorized'],
    [unreachable, 'Transport'],
  ]) {
    const warnings = [];
    const hear = ({ name, message }) => name === 'CastaliaWarning' && warnings.push(message);
    process.on('warning', hear);
    await client.config('application');
    await eventually(() => warnings.length, 'the warning');
    // A warning is emitted after the code that caused it.
    await new Promise(setImmediate);
    process.off('warning', hear);
    assert.equal(warnings.length, 1, warnings.join('\n'));
    assert.match(warnings[0], new RegExp(`the namespace is empty.*error=${code}`));
    // Later loads fail as well.
    await client.close();
  }
});

test('a value may be the name of a member of an enumeration', async (t) => {
  const { client } = await serviceWith(t, { application: { color: 'Red', level: 'high', bad: 'x' } });
  const config = await client.config('application');
  const Color = { 0: 'Red', 1: 'Green', Red: 0, Green: 1 };
  assert.equal(config.getEnum('color', Color), 0);
  assert.equal(config.snapshot().tryGetEnum('level', ['low', 'high']), 'high');
  assert.equal(config.getEnum('missing', ['low', 'high'], 'low'), 'low');
  assert.equal(config.tryGetEnum('missing', Color), undefined);
  assert.equal(config.getEnum('bad', Color, 7), 7);
  assert.throws(() => config.tryGetEnum('bad', Color), { code: 'Parse', message: /one of Red, Green/ });
  assert.throws(() => config.getEnum('bad', 5), CastaliaError);
  assert.equal(client.metrics().namespaces[0].malformedReads, 1);
});

test('a boolean flag of OpenFeature with the name of a member of every object is of another type', async (t) => {
  // B57
  const client = new FakeClient({ application: { a: 'constructor', b: '__proto__' } });
  t.after(() => client.close());
  const provider = new CastaliaProvider(await client.config('application'));
  for (const key of ['a', 'b']) {
    const { value, errorCode } = await provider.resolveBooleanEvaluation(key, false);
    assert.deepEqual([value, errorCode], [false, 'TYPE_MISMATCH'], key);
  }
});

test('flags of OpenFeature are values by type, and their changes are announced', async (t) => {
  const client = new FakeClient({ application: { on: 'TRUE', off: 'false', n: '2.5', list: '[1]', word: 'a' } });
  t.after(() => client.close());
  await OpenFeature.setProviderAndWait(new CastaliaProvider(await client.config('application')));
  const flags = OpenFeature.getClient();
  assert.deepEqual([await flags.getBooleanValue('on', false), await flags.getBooleanValue('off', true)], [true, false]);
  assert.deepEqual([await flags.getNumberValue('n', 0), await flags.getStringValue('word', '')], [2.5, 'a']);
  assert.deepEqual(await flags.getObjectValue('list', {}), [1]);
  const codes = [
    await flags.getBooleanDetails('missing', true),
    await flags.getNumberDetails('word', 3),
    await flags.getBooleanDetails('word', true),
    await flags.getObjectDetails('n', {}),
  ].map(({ errorCode }) => errorCode);
  assert.deepEqual(codes, ['FLAG_NOT_FOUND', 'PARSE_ERROR', 'TYPE_MISMATCH', 'TYPE_MISMATCH']);
  const changed = new Promise((resolve) => flags.addHandler(ProviderEvents.ConfigurationChanged, resolve));
  await client.set('application', { on: 'false' });
  assert.deepEqual((await changed).flagsChanged, ['on']);
  assert.equal(await flags.getBooleanValue('on', true), false);
  await OpenFeature.close();
});
