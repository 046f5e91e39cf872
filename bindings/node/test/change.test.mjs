// Changes: listeners, filters, iterators, and their isolation from each other.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChangeEvent, Subscription } from '../index.mjs';
import { FakeClient } from '../testing.mjs';
import { eventually, Program, quickest, serviceWith, warningThat } from './support.mjs';

test('one event tells what was added, modified and deleted, after reads know it', async (t) => {
  // C052, C098
  const { client, service } = await serviceWith(t, { application: { a: '1', b: '2', c: '3' } });
  const config = await client.config('application');
  const heard = [];
  config.on('change', function listen(event) {
    heard.push([event, config.get('b'), this]);
  });
  await service.push('application', { a: '1', b: '9', d: '4' });
  await eventually(() => heard.length, 'an event');
  const [[event, read, self]] = heard;
  assert.ok(event instanceof ChangeEvent);
  assert.deepEqual(Object.fromEntries(event.changes), {
    b: { oldValue: '2', newValue: '9', changeType: 'MODIFIED' },
    c: { oldValue: '3', newValue: null, changeType: 'DELETED' },
    d: { oldValue: null, newValue: '4', changeType: 'ADDED' },
  });
  assert.deepEqual([read, self], ['9', config]);
  assert.deepEqual(
    [event.appId, event.namespace, event.source, event.sequence, event.coalesced],
    ['order', 'application', 'remote', 1, 0],
  );
  assert.deepEqual([event.oldReleaseKey, event.releaseKey, event.interestedKeys], ['k1', 'k2', []]);
  assert.equal(event.snapshot, config.snapshot());
});

test('a listener hears of the keys and prefixes that it asked for', async (t) => {
  // C101
  const { client, service } = await serviceWith(t, { application: { a: '1', b: '1', 'db.url': 'x' } });
  const config = await client.config('application');
  const heard = { b: [], db: [], both: [], all: [] };
  config.on('change', (event) => heard.b.push(event.interestedKeys), { keys: ['b'] });
  config.on('change', (event) => heard.db.push(event.interestedKeys), { prefixes: new Set(['db.']) });
  config.onChange((event) => heard.both.push(event.interestedKeys), { keys: ['b'], prefixes: ['db.'] });
  config.on('change', (event) => heard.all.push([...event.changes.keys()]));
  await service.push('application', { a: '2', b: '2', 'db.url': 'x' });
  await eventually(() => heard.all.length === 1, 'the first event');
  await service.push('application', { a: '2', b: '2', 'db.url': 'y' });
  await eventually(() => heard.all.length === 2, 'the second event');
  const expected = { b: [['b']], db: [['db.url']], both: [['b'], ['db.url']], all: [['a', 'b'], ['db.url']] };
  assert.deepEqual(heard, expected);
});

test('a listener that is cancelled hears nothing any more', async (t) => {
  // C102, T15
  const { client, service } = await serviceWith(t, { application: { n: '0' } });
  const config = await client.config('application');
  const heard = [];
  const hear = (name) => () => heard.push(name);
  const [off, once_, kept] = ['off', 'once', 'kept'].map(hear);
  const subscription = config.onChange(hear('cancelled'));
  assert.ok(subscription instanceof Subscription);
  config.on('change', off).once('change', once_).once('change', off).on('change', kept);
  assert.equal(config.listenerCount('change'), 4);
  subscription.cancel();
  subscription.cancel();
  config.off('change', off).off('change', off).off('change', off);
  for (const n of ['1', '2']) {
    await service.push('application', { n });
    await eventually(() => heard.filter((name) => name === 'kept').length === Number(n), 'the event');
  }
  assert.deepEqual(heard.toSorted?.() ?? [...heard].sort(), ['kept', 'kept', 'once']);
  assert.equal(config.listenerCount('change'), 1);
  config.removeAllListeners();
  await service.push('application', { n: '3' });
  await eventually(() => config.get('n') === '3', 'the value');
  await sleep(50);
  assert.equal(heard.length, 3);
});

test('a cancel in the listener itself, or while its event is on the way, is the end', async (t) => {
  // T15
  const { client, service } = await serviceWith(t, { application: { n: '0' } });
  const config = await client.config('application');
  let calls = 0;
  const own = config.onChange(() => {
    calls += 1;
    own.cancel();
    other.cancel();
  });
  const other = config.onChange(() => {
    calls += 1;
    own.cancel();
    other.cancel();
  });
  const changes = config.changes();
  for (const n of ['1', '2']) {
    await service.push('application', { n });
    await changes.next();
  }
  assert.equal(calls, 1);
});

test('one that fails and one that is slow disturb nobody', async (t) => {
  // C103, T03, T16
  const { client, service } = await serviceWith(t, { application: { n: '0' }, other: { n: '0' } });
  const [config, other] = await Promise.all([client.config('application'), client.config('other')]);
  const errors = [];
  client.on('error', (error) => errors.push(error.message));
  config.on('change', () => {
    throw new Error('thrown');
  });
  config.on('change', async () => {
    throw new Error('rejected');
  });
  let slow = 0;
  config.on('change', () => {
    slow += 1;
    // Longer than anything here is waited for.
    return sleep(600_000, undefined, { ref: false });
  });
  const heard = [];
  config.on('change', (event) => heard.push(event.sequence));
  for (let n = 1; n <= 5; n += 1) {
    await service.push('application', { n: String(n) });
    await eventually(() => heard.length === n, 'an event');
  }
  assert.deepEqual(heard, [1, 2, 3, 4, 5]);
  assert.equal(slow, 1);
  assert.deepEqual([...new Set(errors)], ['thrown', 'rejected']);
  assert.equal(errors.length, 10);
  assert.equal(client.metrics().namespaces[0].listenerFailures, 10);
  await service.push('other', { n: '1' });
  await eventually(() => other.get('n') === '1', 'the other namespace');
});

test('listeners of the client that fail disturb nobody, and are counted and reported', async (t) => {
  const client = new FakeClient({ application: { n: '0' } });
  t.after(() => client.close());
  const unhandled = [];
  const note = (error) => unhandled.push(error.message);
  process.on('unhandledRejection', note);
  t.after(() => process.off('unhandledRejection', note));
  const errors = [];
  client.on('error', (error) => errors.push(error.message));
  client.on('change', () => {
    throw new Error('thrown');
  });
  client.on('change', async () => {
    await null;
    throw new Error('rejected');
  });
  client.on('source', () => {
    throw new Error('source');
  });
  const heard = [];
  client.once('change', () => heard.push('once'));
  client.on('change', function hear(event, namespace) {
    heard.push([event.sequence, namespace === config, this === client]);
  });
  client.on('source', (source) => heard.push(source));
  const config = await client.config('application');
  for (const n of ['1', '2']) {
    await client.set('application', { n });
    await eventually(() => errors.length === 2 * Number(n), 'the failures');
  }
  assert.deepEqual(heard, ['once', [1, true, true], [2, true, true]]);
  assert.deepEqual([...errors].sort(), ['rejected', 'rejected', 'thrown', 'thrown']);
  assert.equal(client.metrics().namespaces[0].listenerFailures, 4);

  await client.fail('later');
  const later = await client.config('later');
  await client.set('later', { n: '1' });
  await eventually(() => heard.includes(later.source) && errors.includes('source'), 'the source');
  await sleep(0);
  assert.deepEqual(unhandled, []);
});

test('a listener of errors that throws disturbs neither reads nor listeners', async (t) => {
  const program = new Program('errors.mjs');
  t.after(() => program.kill());
  const { reads, heard, source, uncaught } = await program.message('report');
  assert.deepEqual([reads, heard, source], [['1', '2', '3'], [1, 2, 3], 'none']);
  const count = (what) => uncaught.filter((one) => one.startsWith(`uncaughtException: error after ${what}`)).length;
  assert.deepEqual([count('change'), count('listener'), uncaught.length], [3, 3, 7]);
});

test('listeners may call everything', async (t) => {
  // T17
  const callAll = async () => {
    const { client, service } = await serviceWith(t, { application: { n: '0' }, other: { a: '1' } });
    const config = await client.config('application');
    const done = new Promise((resolve, reject) => {
      const own = config.onChange(async () => {
        try {
          assert.equal(config.get('n'), '1');
          assert.equal((await client.config('other')).get('a'), '1');
          await config.refresh();
          config.on('change', () => {}).onChange(() => {});
          client.metrics();
          own.cancel();
          const begun = Date.now();
          await client.close();
          resolve(Date.now() - begun);
        } catch (error) {
          reject(error);
        }
      });
    });
    await service.push('application', { n: '1' });
    return done;
  };
  assert.ok((await quickest(2500, callAll)) < 2500);
});

test('a close within a listener does not wait for it', async (t) => {
  // T17, T50
  const closeWithin = async () => {
    const { client, service } = await serviceWith(t, { application: { n: '0' } });
    const config = await client.config('application');
    const done = new Promise((resolve) => {
      config.on('change', async () => {
        const begun = Date.now();
        await client.close();
        resolve(Date.now() - begun);
      });
    });
    await service.push('application', { n: '1' });
    return done;
  };
  // Waiting takes two seconds.
  assert.ok((await quickest(1000, closeWithin)) < 1000);
});

test('what is queued is delivered before the client is closed', async (t) => {
  const heardUntilClosed = async () => {
    const { client, service } = await serviceWith(t, { application: { n: '0' } });
    const config = await client.config('application');
    const heard = [];
    config.on('change', async (event) => {
      await sleep(50);
      heard.push(event.sequence);
    });
    const changes = config.changes();
    for (const n of ['1', '2', '3']) {
      await service.push('application', { n });
      await changes.next();
    }
    await client.close();
    return [...heard];
  };
  // Listeners have two seconds, in which this machine may stop.
  let heard = [];
  for (let n = 0; n < 10 && heard.length < 3; n += 1) {
    heard = await heardUntilClosed();
  }
  assert.deepEqual(heard, [1, 2, 3]);
});

test('events that were merged from others differ, although their numbers are the same', async (t) => {
  const settings = { 'castalia.listener-queue': '2' };
  const client = new FakeClient({ application: { a: '0', b: '0' } }, { settings });
  t.after(() => client.close());
  const config = await client.config('application');
  const heard = { all: [], a: [] };
  let release;
  const released = new Promise((resolve) => (release = resolve));
  const listen = (name, last, filter) =>
    config.onChange(async (event) => {
      const { oldValue, newValue } = event.changes.get('a');
      heard[name].push([event.sequence, event.coalesced, oldValue, newValue]);
      await (event.sequence === last && released);
    }, filter);
  listen('all', 2);
  listen('a', 1, { keys: ['a'] });
  for (const n of [1, 2]) {
    await client.set('application', { a: String(n) });
    await eventually(() => heard.all.length === n && heard.a.length === 1, 'the event');
  }
  // The first listener has 3 and 4 merged, the second 2 and 4.
  for (const values of [{ b: '3' }, { a: '4' }, { a: '5' }]) {
    await client.set('application', values);
  }
  release();
  await eventually(() => heard.all.length === 4 && heard.a.length === 3, 'the last event');
  assert.deepEqual(heard.all.slice(2), [
    [4, 1, '2', '4'],
    [5, 0, '4', '5'],
  ]);
  assert.deepEqual(heard.a.slice(1), [
    [4, 1, '1', '4'],
    [5, 0, '4', '5'],
  ]);
});

test('an iterator gives each event, and ends with its loop, its signal or its client', async (t) => {
  const { client, service } = await serviceWith(t, { application: { n: '0', m: '0' } });
  const config = await client.config('application');
  const [looped, aborted, closed] = [config.changes({ keys: ['n'] }), new AbortController(), config.changes()];
  const stopped = config.changes({ signal: aborted.signal });
  const waiting = stopped.next();
  await service.push('application', { n: '0', m: '1' });
  assert.equal((await waiting).value.sequence, 1);
  const next = stopped.next();
  aborted.abort();
  await assert.rejects(next, { name: 'AbortError' });
  await assert.rejects(stopped.next(), { name: 'AbortError' });
  await service.push('application', { n: '1', m: '1' });
  for await (const event of looped) {
    assert.deepEqual([event.sequence, event.interestedKeys], [2, ['n']]);
    break;
  }
  assert.deepEqual(await looped.next(), { done: true, value: undefined });
  assert.equal((await closed.next()).value.sequence, 1);
  const [second, third] = [closed.next(), closed.next()];
  assert.equal((await second).value.sequence, 2);
  await client.close();
  assert.equal((await third).done, true);
  const ended = AbortSignal.abort();
  assert.throws(() => config.changes({ signal: ended }), { code: 'Closed' });
});

test('an iterator that is returned while somebody waits ends the wait', async (t) => {
  const { client } = await serviceWith(t, { application: { n: '0' } });
  const changes = (await client.config('application')).changes();
  const next = changes.next();
  await changes.return();
  assert.equal((await next).done, true);
});

test('the client tells of every change, and of another source', async (t) => {
  const { client, service } = await serviceWith(t, { application: { n: '0' } });
  const sources = [];
  client.on('source', (source, namespace) => sources.push([source, namespace.namespace]));
  client.on('error', () => {});
  const ready = once(client, 'ready');
  const [config, missing] = await Promise.all([client.config('application'), client.config('missing')]);
  await ready;
  const changed = once(client, 'change');
  await service.push('application', { n: '1' });
  const [event, from] = await changed;
  assert.deepEqual([event.changes.get('n').newValue, from], ['1', config]);
  assert.equal(missing.source, 'none');
  await service.push('missing', { a: '1' });
  await eventually(() => sources.length, 'the source');
  assert.deepEqual(sources, [['remote', 'missing']]);
});

test('ten thousand releases come to every listener in order', { timeout: 600_000 }, async (t) => {
  // T22
  const { client, service } = await serviceWith(
    t,
    { application: { n: '0' } },
    { 'apollo.loadConfigQPS': 10000, 'apollo.longPollQPS': 10000 },
  );
  const config = await client.config('application');
  const heard = [[], []];
  heard.forEach((list) =>
    config.on('change', (event) => list.push([event.sequence, Number(event.changes.get('n').newValue)])),
  );
  const orders = [];
  for (let n = 1; n <= 10_000; n += 1) {
    orders.push(service.publish('application', { n: String(n) }));
  }
  await Promise.all(orders);
  await eventually(() => heard.every((list) => list.at(-1)?.[1] === 10_000), 'the last release', 300_000);
  for (const list of heard) {
    list.slice(1).forEach(([sequence, n], at) => assert.ok(sequence > list[at][0] && n > list[at][1]));
  }
});

test('a watched value follows, and the last good one stays', async (t) => {
  const { client, service } = await serviceWith(t, { application: { size: '1' } });
  const config = await client.config('application');
  assert.throws(() => config.watch((snapshot) => snapshot.none.none), TypeError);
  const watch = config.watch((snapshot) => ({ size: snapshot.tryGetInt('size') }));
  assert.deepEqual(watch.get(), { size: 1 });
  await service.push('application', { size: '2' });
  await eventually(() => watch.get().size === 2, 'the new value');
  const warned = warningThat(/application cannot be parsed \(Parse\)/);
  await service.push('application', { size: 'secret' });
  await eventually(() => watch.lastError, 'the error');
  assert.deepEqual([watch.get(), watch.lastError.code], [{ size: 2 }, 'Parse']);
  const { message } = await warned;
  assert.doesNotMatch(message, /secret/);
  await service.push('application', { size: '3' });
  await eventually(() => watch.get().size === 3, 'the newest value');
  assert.equal(watch.lastError, null);
  watch.cancel();
  await service.push('application', { size: '4' });
  await eventually(() => config.getInt('size') === 4, 'the value');
  assert.deepEqual(watch.get(), { size: 3 });
});
