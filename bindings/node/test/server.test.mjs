// The client against the server of this project.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { Client } from '../index.mjs';
import { eventually, PATIENT, serverProgram } from './support.mjs';

/** `castalia serve` on free ports, with the sample app. */
class Server {
  clients = [];

  static async start(test) {
    const server = new Server();
    server.data = await mkdtemp(path.join(tmpdir(), 'castalia-'));
    // In one hook, because hooks run in the order in which they are added, and those after one that fails do not
    // run: clients and the server write to the directory.
    test.after(async () => {
      await Promise.all(server.clients.map((client) => client.close()));
      await server.stop();
      await rm(server.data, { recursive: true });
    });
    await server.serve({ config: 0, admin: 0, portal: 0 });
    return server;
  }

  async serve(ports) {
    const flags = Object.entries(ports).flatMap(([role, port]) => [`--${role}-port`, String(port)]);
    const args = ['serve', '--log-format', 'json', '--sample-app', 'on', '--data-dir', this.data, ...flags];
    // Seconds. At the end of a poll, a change arrives that no push announced.
    const env = { ...process.env, CASTALIA_LONG_POLLING_TIMEOUT: '85' };
    this.process = spawn(serverProgram(), args, { stdio: ['ignore', 'pipe', 'ignore'], env });
    this.ended = once(this.process, 'exit');
    const lines = createInterface({ input: this.process.stdout })[Symbol.asyncIterator]();
    this.addresses = {};
    while (!this.addresses.config || !this.addresses.portal) {
      const { value: line, done } = await lines.next();
      assert.ok(!done, 'the server ended');
      const { message, role, address } = line.startsWith('{') ? JSON.parse(line) : {};
      if (message === 'listening') {
        this.addresses[role] = address;
      }
    }
    this.process.stdout.resume();
  }

  client(settings = {}) {
    const own = { 'app.id': 'sample-app', 'apollo.meta': this.url, 'apollo.cache-dir': this.data };
    const client = new Client({ ...own, ...PATIENT, ...settings });
    this.clients.push(client);
    return client;
  }

  get url() {
    return `http://${this.addresses.config}`;
  }

  /** Sets the greeting and publishes it, as a user's script would. */
  async publish(greeting) {
    const words = ['token', 'create', '--name', 'node', '--app', 'sample-app', '--data-dir', this.data];
    this.token ??= execFileSync(serverProgram(), words, { encoding: 'utf8' }).trim().split(/\s+/).at(-1);
    const by = { dataChangeCreatedBy: 'apollo', dataChangeLastModifiedBy: 'apollo' };
    await this.#call('PUT', 'items/greeting?createIfNotExists=true', { key: 'greeting', value: greeting, ...by });
    await this.#call('POST', 'releases', { releaseTitle: 'test', releasedBy: 'apollo' });
  }

  async stop() {
    this.process.kill();
    await this.ended;
  }

  async #call(method, what, body) {
    const namespace = 'openapi/v1/envs/DEV/apps/sample-app/clusters/default/namespaces/application';
    const headers = { authorization: this.token, 'content-type': 'application/json' };
    const request = { method, headers, body: JSON.stringify(body) };
    const answer = await fetch(`http://${this.addresses.portal}/${namespace}/${what}`, request);
    assert.equal(answer.status, 200, await answer.text());
  }
}

test('a value is loaded, pushed, and there without the server', { timeout: 600_000 }, async (t) => {
  const server = await Server.start(t);
  await server.publish('hello');
  const first = server.client();
  const config = await first.config('application');
  assert.deepEqual([config.get('greeting'), config.source, config.state], ['hello', 'remote', 'Ready']);

  const heard = once(config, 'change');
  await server.publish('good morning 😀');
  const published = Date.now();
  const [event] = await heard;
  assert.ok(Date.now() - published < 45_000);
  const change = { oldValue: 'hello', newValue: 'good morning 😀', changeType: 'MODIFIED' };
  assert.deepEqual(Object.fromEntries(event.changes), { greeting: change });
  assert.equal(config.get('greeting'), 'good morning 😀');
  await first.close();
  // Closing does not wait for a disk that is slower than five seconds.
  const cache = path.join(server.data, 'sample-app/config-cache/sample-app+default+application.properties');
  const isCached = () =>
    readFile(cache, 'utf8').then(
      (text) => text.includes('morning'),
      () => false,
    );
  await eventually(isCached, 'the value is in the cache');

  const ports = Object.entries(server.addresses).map(([role, address]) => [role, address.split(':').at(-1)]);
  await server.stop();
  const second = server.client({ 'castalia.start-timeout': 1000 });
  second.on('error', () => {});
  const cached = await second.config('application');
  assert.deepEqual([cached.get('greeting'), cached.source], ['good morning 😀', 'local']);

  await server.serve(Object.fromEntries(ports));
  await eventually(
    () =>
      cached.refresh().then(
        () => true,
        () => false,
      ),
    'the server answers again',
    120_000,
  );
  assert.deepEqual([cached.get('greeting'), cached.source], ['good morning 😀', 'remote']);
});
