// Reads: values of every kind and size, typed reads, snapshots.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CastaliaError, Config, Snapshot } from '../index.mjs';
import { eventually, serviceWith } from './support.mjs';

test('values come from the server, and are at hand without waiting', async (t) => {
  // C031
  const { client } = await serviceWith(t, { application: { a: '1', b: '2' } });
  const config = await client.config('application');
  assert.ok(config instanceof Config);
  assert.equal(config.get('a'), '1');
  assert.equal(config.get('missing'), undefined);
  assert.equal(config.get('missing', 'other'), 'other');
  assert.deepEqual([...config], [...config.entries()]);
  assert.deepEqual(Object.fromEntries(config), { a: '1', b: '2' });
  assert.deepEqual([config.size, config.has('a'), config.has('missing')], [2, true, false]);
  assert.deepEqual(
    [config.appId, config.cluster, config.namespace, config.source, config.state, config.lastError],
    ['order', 'default', 'application', 'remote', 'Ready', null],
  );
});

test('a namespace is the same object however often it is opened', async (t) => {
  const { client } = await serviceWith(t, { application: { a: '1' } });
  const [one, other] = await Promise.all([client.config('application'), client.config('application.properties')]);
  assert.equal(one, other);
  assert.equal(client.metrics().namespaces[0].usage, 2);
});

test('typed reads give what the value says, or the default', async (t) => {
  // C090, C091, C092, C093, C094
  const values = { int: '42', big: '9007199254740993', safe: '2147483648', double: '1.5f', bool: 'TRUE', empty: '' };
  const more = {
    time: '2D3H4M5S123MS',
    date: '2024-01-31T08:00:00Z',
    json: '{"a":[1]}',
    list: 'a,b,,',
    spaced: 'a , b, ',
    bad: 'x',
  };
  const { client } = await serviceWith(t, { application: { ...values, ...more } });
  const config = await client.config('application');
  assert.equal(config.getInt('int', 7), 42);
  assert.equal(config.getInt('safe', 7), 7);
  assert.equal(config.getLong('safe', 7), 2147483648);
  assert.equal(config.getLong('big', 7), 7);
  assert.equal(config.getBigInt('big', 7n), 9007199254740993n);
  assert.equal(config.getDouble('double', 7), 1.5);
  assert.equal(config.getBool('bool', false), true);
  assert.equal(config.getBool('empty', true), false);
  assert.equal(config.getDuration('time', 7), 183845123);
  assert.deepEqual(config.getDate('date'), new Date('2024-01-31T08:00:00Z'));
  assert.deepEqual(config.getJson('json'), { a: [1] });
  assert.ok(Object.isFrozen(config.getJson('json').a));
  assert.deepEqual(config.getList('list'), ['a', 'b']);
  assert.deepEqual(config.getList('list', [], 'b'), ['a,', ',,']);
  assert.deepEqual(config.getList('spaced', []), ['a ', ' b', ' ']);
  assert.deepEqual(config.getList('spaced', [], ',', true), ['a', 'b']);
  assert.equal(
    config.getWith('int', (text) => Number(text) + 1, 7),
    43,
  );
  assert.equal(
    config.getWith('json', () => JSON.parse('x'), 7),
    7,
  );
  for (const type of ['Int', 'Long', 'BigInt', 'Double', 'Duration', 'Date', 'Json']) {
    assert.equal(config[`get${type}`]('bad', 'other'), 'other');
    assert.equal(config[`get${type}`]('missing'), undefined);
    assert.equal(config[`tryGet${type}`]('missing'), undefined);
    const malformed = (error) =>
      error instanceof CastaliaError && error.code === 'Parse' && error.context.key === 'bad';
    assert.throws(() => config[`tryGet${type}`]('bad'), malformed);
  }
  assert.throws(() => config.tryGetLong('big'), { code: 'Parse' });
});

test('dates and booleans are read by the rules of the settings, wherever they are read', async (t) => {
  // F133
  const values = { day: '2024-01-31', offset: '2024-01-31T08:00:00+02:00', on: 'on', odd: 'x' };
  const rules = { 'castalia.time-zone': '+08:00', 'castalia.strict-booleans': true };
  const { client, service } = await serviceWith(t, { application: values }, rules);
  const judged = [];
  client.validate('application', (snapshot) => void judged.push([snapshot.getDate('day'), snapshot.getBool('odd')]));
  const config = await client.config('application');
  const midnight = new Date('2024-01-30T16:00:00Z');
  for (const from of [config, config.snapshot()]) {
    assert.deepEqual(from.getDate('day'), midnight);
    assert.deepEqual(from.tryGetDate('offset'), new Date('2024-01-31T06:00:00Z'));
    assert.deepEqual([from.getBool('on'), from.getBool('odd'), from.getBool('odd', true)], [true, undefined, true]);
    assert.throws(() => from.tryGetBool('odd'), { code: 'Parse' });
  }
  assert.deepEqual(judged, [[midnight, undefined]]);
  const event = config.changes().next();
  await service.push('application', { ...values, n: '1' });
  assert.deepEqual((await event).value.snapshot.getDate('day'), midnight);
});

test('a date that the clock cannot represent is read or malformed in any zone', async (t) => {
  const rules = { 'castalia.lenient-dates': true };
  const { client } = await serviceWith(t, { application: { last: '262142-12-31 23:30:00.0' } }, rules);
  const config = await client.config('application');
  const year = config.getDate('last')?.getUTCFullYear() ?? 262_142;
  assert.ok(year === 262_142 || year === 262_143, `${year}`);
});

test('a malformed value is counted once for each key and release', async (t) => {
  // F138
  const { client, service } = await serviceWith(t, { application: { a: 'x', b: 'y', c: '1' } });
  const config = await client.config('application');
  const thrown = () => {
    throw new Error('as told');
  };
  const read = () => {
    for (const from of [config, config.snapshot()]) {
      assert.deepEqual([from.getInt('a', 1), from.getDate('a'), from.getJson('a', 2)], [1, undefined, 2]);
      assert.deepEqual([from.getWith('b', thrown, 3), from.getWith('b', () => null, 4)], [3, 4]);
      assert.throws(() => from.tryGetInt('a'), { code: 'Parse' });
      assert.equal(from.getInt('c'), 1);
      assert.equal(from.getWith('missing', thrown, 5), 5);
    }
    return client.metrics().namespaces[0].malformedReads;
  };
  assert.deepEqual([read(), read()], [2, 2]);
  await service.push('application', { a: 'z', b: 'y', c: '1' });
  await eventually(() => config.get('a') === 'z', 'the release');
  assert.deepEqual([read(), read()], [4, 4]);
});

test('dates are read as leniently as the settings say, also those of long ago', async (t) => {
  const values = { day: '2021-02-30', old: '1969-07-20T20:17:40Z' };
  const strict = await serviceWith(t, { application: values });
  const config = await strict.client.config('application');
  assert.deepEqual(
    [config.getDate('day'), config.getDate('old').toISOString()],
    [undefined, '1969-07-20T20:17:40.000Z'],
  );
  const lenient = await serviceWith(t, { application: values }, { 'castalia.lenient-dates': true });
  const other = await lenient.client.config('application');
  assert.deepEqual(other.getDate('day'), new Date(2021, 2, 2));
  assert.deepEqual(other.snapshot().tryGetDate('day'), new Date(2021, 2, 2));
});

test('as many parsed values are kept as the settings say', async (t) => {
  const texts = { a: '{"a":1}', b: '{"b":2}' };
  const { client } = await serviceWith(t, { application: texts }, { 'apollo.configCacheSize': 1 });
  const config = await client.config('application');
  assert.equal(config.getJson('a'), config.getJson('a'));
  assert.notEqual(config.getJson('b'), config.getJson('b'));
  assert.deepEqual(config.getJson('b'), { b: 2 });
});

test('a snapshot never changes, and reads of it fit together', async (t) => {
  // C106
  const { client, service } = await serviceWith(t, { application: { a: '1', b: '1' } });
  const config = await client.config('application');
  const before = config.snapshot();
  const changes = config.changes();
  await service.push('application', { a: '2', b: '2' });
  await changes.next();
  assert.ok(before instanceof Snapshot && Object.isFrozen(before));
  assert.deepEqual(Object.fromEntries(before), { a: '1', b: '1' });
  assert.equal(before.getInt('a', 0), 1);
  assert.deepEqual(Object.fromEntries(config.snapshot()), { a: '2', b: '2' });
  assert.equal(config.getInt('a', 0), 2);
  assert.deepEqual([before.releaseKey, config.snapshot().releaseKey], ['k1', 'k2']);
  assert.ok(config.snapshot().loadedAt instanceof Date);
  assert.equal(before.set, undefined);
});

test('a release that changes nothing is seen in the snapshot alone', async (t) => {
  const { client, service } = await serviceWith(t, { application: { a: '1' } });
  const config = await client.config('application');
  await service.push('application', { a: '1' });
  await config.refresh();
  assert.equal(config.snapshot().releaseKey, 'k2');
  assert.equal(config.get('a'), '1');
});

test('texts of every kind and size come through whole', async (t) => {
  // C127, T06
  const long = 'x'.repeat(1 << 20);
  const values = { nul: 'a\0b', emoji: '😀 ü', long, '\u{1F600}': 'key' };
  const many = Object.fromEntries(Array.from({ length: 10_000 }, (_, at) => [`key.${at}`, `value ${at}`]));
  const { client } = await serviceWith(t, { application: values, many });
  assert.deepEqual(Object.fromEntries(await client.config('application')), values);
  assert.deepEqual(Object.fromEntries(await client.config('many')), many);
});

test('a file is one text, and tells of its changes', async (t) => {
  // C097, C107
  const { client, service } = await serviceWith(t, { 'db.json': { content: '{}' }, application: { a: 'é' } });
  const file = await client.configFile('db.json');
  assert.deepEqual([file.content, file.format, file.namespace], ['{}', 'json', 'db.json']);
  assert.equal((await client.configFile('application')).content, 'a=é\n');
  assert.equal((await client.configFile('missing.txt')).content, undefined);
  const changes = file.changes();
  await service.push('db.json', { content: '{"a":1}' });
  const { value: event } = await changes.next();
  assert.equal(file.content, '{"a":1}');
  assert.deepEqual(event.changes.get('content'), { oldValue: '{}', newValue: '{"a":1}', changeType: 'MODIFIED' });
  assert.equal(file.snapshot().get('content'), '{"a":1}');
});

test('the environment answers for missing keys where it was asked to', async (t) => {
  process.env.CASTALIA_NODE_TEST = 'from the environment';
  const { client } = await serviceWith(t, { application: { a: '1' } });
  const { Client, Settings } = await import('../index.mjs');
  const config = await client.config('application');
  assert.equal(config.get('CASTALIA_NODE_TEST'), undefined);
  const settings = Settings.fromEnv().set('castalia.env-fallback', true);
  client.settings().forEach(({ name, value, origin }) => origin === 'code' && settings.set(name, value));
  const asking = new Client(settings);
  t.after(() => asking.close());
  const looking = await asking.config('application');
  assert.equal(looking.get('CASTALIA_NODE_TEST'), 'from the environment');
  assert.equal(looking.snapshot().get('CASTALIA_NODE_TEST', 'x'), 'from the environment');
  assert.equal(looking.get('missing', 'x'), 'x');
});
