// The client: settings, errors, start policy, validators, log records, metrics, waits that are aborted.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import net from 'node:net';
import { test } from 'node:test';
import castalia from '../index.cjs';
import { CastaliaError, Client, ErrorKind, Settings, setLog, version } from '../index.mjs';
import { FakeClient } from '../testing.mjs';
import { eventually, PATIENT, quickest, Scripted, serviceWith, warningThat } from './support.mjs';

const require = createRequire(import.meta.url);
const { native } = require('../lib/native.cjs');
const { mailbox, wait } = require('../lib/mailbox.cjs');

/** The names of the open namespaces. */
const opened = (client) => client.metrics().namespaces.map(({ namespace }) => namespace);

test('import and require give the same', () => {
  assert.equal(Client, castalia.Client);
  assert.equal(require('../package.json').version, version);
});

test('every kind of error has its name and number', () => {
  const names = ['InvalidArgument', 'NotReady', 'NotFound', 'Unauthorized', 'BadRequest', 'Timeout', 'Transport'];
  names.push('Protocol', 'Parse', 'Io', 'Closed', 'Internal');
  assert.deepEqual(ErrorKind, Object.fromEntries(names.map((name, at) => [name, at + 1])));
});

test('a client without an app id, or with unknown settings, is refused with every fault at once', () => {
  // C001
  const refused = (error) => error instanceof CastaliaError && error.code === 'InvalidArgument';
  assert.throws(() => new Client({}), refused);
  assert.throws(
    () => new Client({ 'app.id': 'a', 'apollo.readTimeout': 'soon', 'apollo.refreshInterval': 'x' }),
    (error) => {
      return refused(error) && /readTimeout/.test(error.message) && /refreshInterval/.test(error.message);
    },
  );
  assert.throws(() => new Client({ 'app.id': {} }), refused);
  assert.throws(() => new Client(new Settings().set('app.id', null)), refused);
  // B57
  for (const name of ['castalia.unknown', 'constructor', '__proto__']) {
    assert.throws(() => new Client({ 'app.id': 'a', [name]: 'x' }), refused, name);
  }
});

test('settings tell their value and where it came from; secrets are masked', async (t) => {
  // C001, C014
  process.env.APP_ID = 'from-env';
  t.after(() => delete process.env.APP_ID);
  const secret = '0123456789abcdef0123456789abcdef';
  const client = new Client(Settings.fromEnv().set('apollo.access-key.secret', secret));
  t.after(() => client.close());
  assert.equal(client.appId, 'from-env');
  const settings = Object.fromEntries(client.settings().map((setting) => [setting.name, setting]));
  assert.equal(settings['apollo.access-key.secret'].value, '***');
  assert.deepEqual([settings['app.id'].value, settings['app.id'].foundAs], ['from-env', 'APP_ID']);
  assert.equal(settings['castalia.binding'].value, 'node');
  assert.equal(JSON.stringify(client.settings()).includes(secret), false);
});

test('arguments of a wrong type are refused as such', async (t) => {
  const { client } = await serviceWith(t, { application: { a: '1' } });
  await assert.rejects(client.config(5), { name: 'CastaliaError', code: 'InvalidArgument' });
  await assert.rejects(client.config('../etc'), { code: 'InvalidArgument' });
  const config = await client.config('application');
  assert.throws(() => config.on('change', 'x'), { code: 'InvalidArgument' });
  assert.throws(() => config.onChange(() => {}, { keys: [5] }), { code: 'InvalidArgument' });
  assert.throws(() => setLog('x'), { code: 'InvalidArgument' });
  assert.throws(() => setLog(() => {}, { level: 'loud' }), { code: 'InvalidArgument' });
});

test('a start policy that is not met is an error that names the kind, and the client stays usable', async (t) => {
  // C049
  const service = await Scripted.start();
  t.after(() => service.stop());
  await service.publish('application', { a: '1' });
  const settings = service.settings({
    'castalia.start-policy': 'require-all',
    'castalia.namespaces': 'application,missing',
  });
  const client = new Client(settings);
  t.after(() => client.close());
  await assert.rejects(client.start(), (error) => error.code === 'NotFound' && /missing/.test(error.message));
  await service.push('missing', { b: '2' });
  const config = await eventually(() => client.config('missing').catch(() => null), 'the namespace');
  assert.equal(config.get('b'), '2');
  await assert.rejects(Client.start({ ...settings, 'castalia.namespaces': 'none' }), { code: 'NotFound' });
  const started = await Client.start({ ...settings, 'castalia.namespaces': 'application' });
  await started.close();
});

test('the client tells of the namespaces that it starts with', async (t) => {
  // B56
  const settings = { 'castalia.namespaces': 'a, b,later' };
  const { client, service } = await serviceWith(t, { a: { n: '0' }, b: { n: '0' } }, settings);
  const heard = [];
  client.on('error', (error) => heard.push(error.code));
  client.on('change', (_event, { namespace }) => heard.push(namespace));
  client.on('source', (source, { namespace }) => heard.push(`${namespace} ${source}`));
  await client.start();
  assert.deepEqual(heard.splice(0), ['NotFound']);
  for (const namespace of ['a', 'b']) {
    await service.push(namespace, { n: '1' });
    await eventually(() => heard.length, 'the change');
    assert.deepEqual(heard.splice(0), [namespace]);
  }
  await service.push('later', { n: '1' });
  await eventually(() => heard.includes('later remote'), 'the source');

  const config = await client.config('a');
  assert.equal(config.get('n'), '1');
  config.close();
  await eventually(() => !opened(client).includes('a'), 'it is not open any more');
  await client.start();
  assert.deepEqual(opened(client), ['b', 'later']);
});

test('a namespace that a start has opened emits its events once, and is closed by the caller that opened it', async (t) => {
  // B56
  const { client, service } = await serviceWith(t, { a: { n: '0' } }, { 'castalia.namespaces': 'a,later' });
  const heard = [];
  client.on('error', (error) => heard.push(error.code));
  client.on('change', (_event, namespace) => heard.push(namespace.constructor.name));
  await client.start();
  const [file] = await Promise.all([client.configFile('a'), client.configFile('a'), client.config('later')]);
  assert.deepEqual(heard.splice(0), ['NotFound']);
  for (let n = 1; n <= 2; n += 1) {
    await service.push('a', { n: String(n) });
    await eventually(() => heard.length >= n, 'the change');
  }
  assert.deepEqual(heard, ['ConfigFile', 'ConfigFile']);
  file.close();
  await eventually(() => !opened(client).includes('a'), 'it is not open any more');
});

test('a start opens nothing that a caller has opened or closed before', async (t) => {
  // B56
  const { client } = await serviceWith(t, { a: { n: '0' }, b: { n: '0' } }, { 'castalia.namespaces': 'a,b' });
  (await client.config('a')).close();
  await eventually(() => !opened(client).includes('a'), 'it is not open any more');
  const file = await client.configFile('b');
  await client.start();
  assert.deepEqual(opened(client), ['b']);
  file.close();
  await eventually(() => opened(client).length === 0, 'nothing is open any more');
});

test('a refused signature is Unauthorized, and the error event tells of it', async (t) => {
  // C035
  const { client, service } = await serviceWith(t, { application: { a: '1' } });
  await service.order('fail', 'config', '401');
  const errors = [];
  client.on('error', (error) => errors.push(error.code));
  const config = await client.config('application');
  assert.deepEqual([config.source, config.state, config.lastError.code], ['none', 'Unauthorized', 'Unauthorized']);
  assert.equal((await client.configFile('application')).lastError.code, 'Unauthorized');
  await assert.rejects(config.refresh(), { code: 'Unauthorized' });
  await service.order('fail', 'config', '200');
  client.setAccessKey('order', 'secret');
  await config.refresh();
  assert.deepEqual([config.get('a'), config.lastError], ['1', null]);
  assert.deepEqual(errors, ['Unauthorized', 'Unauthorized']);
});

test('requests are signed with the secret that was set last', async (t) => {
  // F162
  const signatures = [];
  const server = createServer((request, response) => {
    signatures.push(request.headers.authorization);
    response.writeHead(404).end();
  });
  server.listen(0, '127.0.0.1');
  t.after(() => server.close().closeAllConnections());
  await once(server, 'listening');
  const address = `http://127.0.0.1:${server.address().port}`;
  const client = new Client({ 'app.id': 'order', 'apollo.config-service': address, 'apollo.cache.file.enable': false });
  client.on('error', () => {});
  t.after(() => client.close());
  const config = await client.config('application');
  const signature = async () => {
    signatures.length = 0;
    await assert.rejects(config.refresh(), { code: 'NotFound' });
    return signatures[0];
  };
  assert.equal(await signature(), undefined);
  client.setAccessKey('order', '0123456789abcdef');
  assert.match(await signature(), /^Apollo order:/);
  client.setAccessKey('order', '');
  assert.equal(await signature(), undefined);
});

test('the environment has a name, also where it is unknown', (t) => {
  const envOf = (env) => {
    const client = new Client({ 'app.id': 'order', env });
    t.after(() => client.close());
    return client.env;
  };
  assert.deepEqual(['prod', 'DEV', 'strange'].map(envOf), ['PRO', 'DEV', 'UNKNOWN']);
});

test('content and defaults of the application stand in where there is nothing else', async (t) => {
  const settings = new Settings({ 'app.id': 'order', env: 'LOCAL', 'apollo.cache-dir': '/nowhere' });
  settings.seed('application', { a: 'seeded' }).defaults('application', { a: 'default', b: 'default' });
  const client = new Client(settings);
  t.after(() => client.close());
  const config = await client.config('application');
  assert.deepEqual([Object.fromEntries(config), config.source], [{ a: 'seeded', b: 'default' }, 'static']);
});

test('a validator keeps a release out, whether it returns, rejects or throws', async (t) => {
  const { client, service } = await serviceWith(t, { application: { n: '0' } });
  client.validate('application', async (snapshot) => (snapshot.get('n') === 'bad' ? 'n is bad' : undefined));
  client.validate('application', (snapshot) => {
    assert.notEqual(snapshot.getInt('n', 5), 13, 'an unlucky number');
    if (snapshot.get('n') === '14') {
      throw new TypeError('no such number');
    }
  });
  const config = await client.config('application');
  await service.publish('application', { n: 'bad' });
  await assert.rejects(config.refresh(), (error) => error.code === 'Parse' && /n is bad/.test(error.message));
  await service.publish('application', { n: '13' });
  await assert.rejects(config.refresh(), /AssertionError: an unlucky number/);
  await service.publish('application', { n: '14' });
  // B20
  await assert.rejects(config.refresh(), /TypeError: no such number/);
  assert.equal(config.get('n'), '0');
  await service.publish('application', { n: '1' });
  await eventually(() => config.get('n') === '1' || config.refresh().catch(() => false), 'the good release');
  assert.equal(client.metrics().namespaces[0].refusals, 3);
  assert.throws(() => client.validate('../x', () => {}), { code: 'InvalidArgument' });
});

test('a validator that returns no reason accepts the release', async (t) => {
  // B33
  const client = new FakeClient({ application: { n: 'none' } });
  t.after(() => client.close());
  const config = await client.config('application');
  let reason;
  client.validate('application', () => reason);
  for (const [n, none] of [undefined, null, '', 0, false].entries()) {
    reason = none;
    await client.set('application', { n });
    assert.equal(config.getInt('n'), n, `${none}`);
  }
  reason = 'not this one';
  await assert.rejects(client.set('application', { n: 9 }), /not this one/);
  assert.equal(config.getInt('n'), 4);
});

test('a validator that throws an empty text keeps the release out', async (t) => {
  // B33
  const client = new FakeClient({ application: { n: 0 } });
  t.after(() => client.close());
  const config = await client.config('application');
  let thrown;
  client.validate('application', () => {
    throw thrown;
  });
  for (const [at, empty] of ['', { message: '' }].entries()) {
    thrown = empty;
    const refused = { code: 'Parse', message: /the validator failed/ };
    await assert.rejects(client.set('application', { n: at + 1 }), refused, `${at}`);
  }
  assert.equal(config.getInt('n'), 0);
});

// Before the test that chooses a logger: that is for the whole process.
test('B116: what fails after the start is a warning of the process', async (t) => {
  const { client, service } = await serviceWith(t, { application: { n: '1' } });
  const config = await client.config('application');
  const warned = warningThat(/load failed; keeping the previous values/);
  await service.order('fail', 'config', '401');
  await assert.rejects(config.refresh(), { code: 'Unauthorized' });
  assert.equal((await warned).name, 'CastaliaWarning');
});

test('log records reach the logger, and one that fails or asks back does no harm', async (t) => {
  // T21
  const records = [];
  t.after(() => setLog(null));
  const { client, service } = await serviceWith(t, { application: { n: 'x' } });
  setLog(
    (record) => {
      records.push(record);
      client.metrics();
      throw new Error('the logger itself');
    },
    { level: 'debug' },
  );
  const warned = warningThat(/the logger itself/);
  const config = await client.config('application');
  assert.equal(config.getInt('n', 5), 5);
  config.getInt('n', 6);
  const malformed = () => records.filter(({ text }) => text.includes('malformed'));
  await eventually(() => malformed().length, 'the record');
  await warned;
  assert.deepEqual([malformed().length, malformed()[0].level], [1, 'warn']);
  // F170
  assert.deepEqual(malformed()[0].fields, { namespace: 'application', key: 'n' });
  assert.ok(records.every(({ target }) => target.startsWith('castalia')));
  setLog(null);
  const before = records.length;
  await service.push('application', { n: 'y' });
  await eventually(() => config.get('n') === 'y', 'the value');
  assert.equal(records.length, before);
});

test('metrics are objects and OpenMetrics text', async (t) => {
  // C123, F167
  // Without a poll, because of which a slow machine may load again.
  const settings = { 'apollo.longPollingInitialDelayInMills': 600_000 };
  const { client } = await serviceWith(t, { application: { a: '1', b: '2' } }, settings);
  client.on('error', () => {});
  assert.equal(client.metrics().threads, null);
  await Promise.all([client.config('application'), client.config('missing')]);
  const { namespaces, errorCount, errors, http, threads } = client.metrics();
  const [application, missing] = namespaces;
  assert.deepEqual([application.items, application.usage, application.state], [2, 1, 'Ready']);
  assert.ok(application.firstLoadMs >= 0 && application.updatedAt instanceof Date);
  assert.deepEqual([missing.state, missing.lastError.code], ['NotFound', 'NotFound']);
  assert.ok(errorCount >= 1 && errors[0] instanceof CastaliaError);
  const loads = http.filter(({ endpoint }) => endpoint === 'configs');
  const [loaded, none] = [200, 404].map((code) => loads.find(({ status }) => status === code));
  assert.ok(loaded.count === 1 && none.timeMs > 0);
  assert.ok(threads.workers >= 1 && threads.tasks >= 1 && threads.queue >= 0);
  assert.match(client.metricsText(), /apollo_client_namespace_usage_total\{namespace="application"\} 1/);
  assert.match(client.metricsText(), /# EOF\n$/);
});

test('a signal ends every wait long before its timeout', async (t) => {
  // C118
  const hole = net.createServer(() => {}).listen(0, '127.0.0.1');
  t.after(() => hole.close().unref());
  await new Promise((resolve) => hole.once('listening', resolve));
  const address = `http://127.0.0.1:${hole.address().port}`;
  const settings = { 'app.id': 'order', 'apollo.config-service': address, 'apollo.cache.file.enable': false };
  const client = new Client({ ...settings, ...PATIENT });
  t.after(() => client.close());
  const begun = Date.now();
  await assert.rejects(client.config('application', { signal: AbortSignal.timeout(100) }), { name: 'TimeoutError' });
  await assert.rejects(client.config('application', { signal: AbortSignal.abort() }), { name: 'AbortError' });
  const stop = new AbortController();
  const file = client.configFile('application', { signal: stop.signal });
  stop.abort(new Error('enough'));
  await assert.rejects(file, /enough/);
  // Without a signal, each of them lasts for a minute.
  assert.ok(Date.now() - begun < 30_000);
});

test('close ends a held poll, and reads go on answering', async (t) => {
  // C113
  const close = async () => {
    const { client, service } = await serviceWith(t, { application: { a: '1' } });
    const config = await client.config('application');
    await service.order('held', '1');
    const begun = Date.now();
    await client.close();
    const millis = Date.now() - begun;
    await service.order('held', '0');
    await client.close();
    const reads = [config.get('a'), config.getInt('a', 5), config.snapshot().size, client.closed];
    assert.deepEqual(reads, ['1', 1, 1, true]);
    await assert.rejects(config.refresh(), { code: 'Closed' });
    await assert.rejects(client.config('other'), { code: 'Closed' });
    assert.throws(() => config.on('change', () => {}), { code: 'Closed' });
    assert.throws(() => config.watch(() => 1), { code: 'Closed' });
    client.metrics();
    return millis;
  };
  assert.ok((await quickest(2100, close)) < 2100);
});

test('a client can be disposed of', { skip: !Symbol.asyncDispose }, async (t) => {
  const { client } = await serviceWith(t, { application: { a: '1' } });
  await client[Symbol.asyncDispose]();
  assert.equal(client.closed, true);
});

test('a panic stops at the border, and the next call works', { skip: !native.testPanic }, async () => {
  // T01, T02
  const { checked } = require('../lib/error.cjs');
  for (const place of ['call', 'drop']) {
    assert.throws(() => checked(() => native.testPanic(mailbox, place, 0)), { code: 'Internal' });
  }
  await assert.rejects(
    wait((number) => native.testPanic(mailbox, 'task', number)),
    { code: 'Internal' },
  );
  assert.equal(native.VERSION, version);
});
