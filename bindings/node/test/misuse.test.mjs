// Every call with meaningless arguments: an error of a known kind, never a crash, and the client
// remains usable.
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import { CastaliaError, Client, ConfigFile, Settings, setLog } from '../index.mjs';
import { serviceWith } from './support.mjs';

const require = createRequire(import.meta.url);
const { native } = require('../lib/native.cjs');

const hostile = {
  toString() {
    throw new Error('no text');
  },
  get anything() {
    throw new Error('no value');
  },
};
const WRONG = [
  undefined,
  null,
  NaN,
  -1,
  2 ** 53,
  5n,
  true,
  Symbol('s'),
  [],
  {},
  hostile,
  () => {},
  new Proxy({}, hostile),
];
const TEXTS = ['', '\0', '../x', '\ud800', 'x'.repeat(1 << 20), '😀'];

/** The result of a call: its value, or the error that it throws or rejects with. */
async function outcome(call) {
  try {
    return await call();
  } catch (error) {
    return error;
  }
}

async function opened(test) {
  const { client } = await serviceWith(test, { application: { a: '1' } });
  client.on('error', () => {});
  return { client, config: await client.config('application') };
}

/** Every call that takes one argument. */
const CALLS = {
  client: ({ value }) => new Client(value),
  setting: ({ value }) => new Client(new Settings().set('app.id', value)),
  'settings by name': ({ value }) => new Client({ 'app.id': 'order', [value]: value }),
  defaults: ({ value }) => new Client(new Settings({ 'app.id': 'order' }).defaults('application', value)),
  seed: ({ value }) => new Client(new Settings({ 'app.id': 'order' }).seed(value, { a: value })),
  start: ({ client, value }) => client.start({ signal: value }),
  config: ({ client, value }) => client.config(value),
  configOf: ({ client, value }) => client.configOf(value, 'application'),
  configFile: ({ client, value }) => client.configFile(value),
  validate: ({ client, value }) => client.validate(value, () => {}),
  validator: ({ client, value }) => client.validate('other', value),
  secret: ({ client, value }) => client.setAccessKey('other', value),
  'access key': ({ client, value }) => client.setAccessKey(value, 'secret'),
  refresh: ({ config, value }) => config.refresh({ signal: value }),
  listener: ({ config, value }) => config.onChange(value).cancel(),
  filter: ({ config, value }) => config.onChange(() => {}, { keys: value }).cancel(),
  prefixes: ({ config, value }) => config.on('change', () => {}, { prefixes: [value] }).removeAllListeners(),
  changes: ({ config, value }) => config.changes({ signal: value }).return(),
  watch: ({ config, value }) => config.watch(value).cancel(),
  logger: ({ value }) => [setLog(value), setLog(null)],
  level: ({ value }) => [setLog(() => {}, { level: value }), setLog(null)],
  ...Object.fromEntries(
    ['get', 'has', 'getInt', 'tryGetInt', 'getBigInt', 'getDate', 'getJson', 'getList', 'getWith'].map((name) => [
      name,
      ({ config, value }) => [config[name](value), config.snapshot()[name](value)],
    ]),
  ),
  delimiter: ({ config, value }) => config.getList('a', [], value),
  'reading function': ({ config, value }) => config.getWith('a', value),
};

for (const [name, call] of Object.entries(CALLS)) {
  test(`arguments of any kind do no harm: ${name}`, async (t) => {
    // SEC-34
    const { client, config } = await opened(t);
    for (const value of [...WRONG, ...TEXTS]) {
      const result = await outcome(() => call({ client, config, value }));
      if (result instanceof Error) {
        assert.ok(
          result instanceof CastaliaError || result instanceof TypeError || /^no /.test(result.message),
          result.stack,
        );
        assert.notEqual(result.code, 'Internal', result.message);
      } else if (result instanceof Client) {
        await result.close();
      }
    }
    assert.equal(config.get('a'), '1');
    await config.refresh();
  });
}

test('what is closed stays closed, however often it is asked', async (t) => {
  // SEC-34, C113
  const { client, config } = await opened(t);
  const [file, changes, subscription, watch] = [
    await client.configFile('application'),
    config.changes(),
    config.onChange(() => {}),
    config.watch((snapshot) => snapshot.get('a')),
  ];
  await Promise.all([client.close(), client.close(), client.close()]);
  subscription.cancel();
  watch.cancel();
  await changes.return();
  assert.deepEqual(await changes.next(), { done: true, value: undefined });
  const refused = [
    () => client.start(),
    () => client.config('application'),
    () => client.configFile('application'),
    () => config.refresh(),
    () => file.refresh(),
    () => config.changes(),
    () => config.onChange(() => {}),
    () => config.on('change', () => {}),
  ];
  for (const call of refused) {
    assert.equal((await outcome(call))?.code, 'Closed', String(call));
  }
  assert.ok(file instanceof ConfigFile);
  const reads = [config.get('a'), file.content, watch.get(), config.snapshot().size, client.closed];
  assert.deepEqual(reads, ['1', 'a=1\n', '1', 1, true]);
  assert.ok(client.settings().length > 0 && client.metricsText().length > 0 && client.metrics().namespaces);
});

test('objects of the native half cannot be taken for others', async (t) => {
  // SEC-34, T11
  const { config } = await opened(t);
  const view = config._native.view;
  const forged = Object.create(native.View.prototype);
  const disguised = Object.setPrototypeOf(config._native.follow(0), native.View.prototype);
  const asked = { values: {}, fromEnv: false, defaults: [], seeds: [] };
  for (const other of [config._native, {}, null, forged, disguised]) {
    assert.throws(() => view.is(other), { code: 'InvalidArg' });
    assert.throws(() => native.newClient(other, asked), { code: 'InvalidArg' });
    assert.throws(() => native.View.prototype.is.call(other, view), TypeError);
    assert.throws(() => native.Mailbox.prototype.readLog.call(other, 'info'), TypeError);
  }
  assert.throws(() => new native.View(), /constructor/);
  assert.throws(() => new native.Mailbox(5), { code: 'InvalidArg' });
  assert.ok(view.is(config._native.view));
});
