// Shared by the tests: the scripted config service, a process that is controlled by lines of text,
// and programs that tests start.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client } from '../index.mjs';

export const HERE = path.dirname(fileURLToPath(import.meta.url));
export const ROOT = path.resolve(HERE, '../../..');
export const TARGET = path.resolve(process.env.CARGO_TARGET_DIR ?? path.join(ROOT, 'target'), 'debug');

/** Timeouts of clients that this machine does not exceed, although it may stop for seconds. */
export const PATIENT = {
  'apollo.connectTimeout': 60_000,
  'apollo.readTimeout': 60_000,
  'apollo.discoveryConnectTimeout': 60_000,
  'apollo.discoveryReadTimeout': 60_000,
  'castalia.start-timeout': 60_000,
};

/** A scripted config service. */
export class Scripted {
  static async start() {
    const scripted = new Scripted();
    scripted.process = spawn(path.join(TARGET, 'castalia-scripted'), { stdio: ['pipe', 'pipe', 'inherit'] });
    scripted.lines = createInterface({ input: scripted.process.stdout })[Symbol.asyncIterator]();
    scripted.url = await scripted.#answer();
    return scripted;
  }

  /** Sends a command and waits until it was carried out. */
  async order(...words) {
    this.process.stdin.write(`${words.map(encodeURIComponent).join(' ')}\n`);
    return this.#answer();
  }

  publish(namespace, values) {
    return this.order('publish', namespace, ...Object.entries(values).flat());
  }

  /** Publishes once a poll is parked, so that the change is pushed. */
  async push(namespace, values) {
    await this.order('held', '1');
    return this.publish(namespace, values);
  }

  /** Settings of a client of this service that uses no files and polls without an initial delay. */
  settings(more = {}) {
    return {
      'app.id': 'order',
      'apollo.meta': this.url,
      'apollo.cache.file.enable': false,
      'apollo.longPollingInitialDelayInMills': 0,
      ...PATIENT,
      ...more,
    };
  }

  /** Settings of a client that loads and polls as often as something changes. */
  hurried(more) {
    return this.settings({ 'apollo.loadConfigQPS': 10000, 'apollo.longPollQPS': 10000, ...more });
  }

  stop() {
    this.process.kill();
  }

  async #answer() {
    const { value } = await this.lines.next();
    const [status, ...rest] = value.split(' ').map(decodeURIComponent);
    if (status !== 'ok') {
      throw new Error(`the scripted service says: ${rest.join(' ')}`);
    }
    return rest[0];
  }
}

/** A scripted service and a client with `hurried` settings, both closed at the end of the test. */
export async function serviceWith(test, releases, settings) {
  const service = await Scripted.start();
  test.after(() => service.stop());
  for (const [namespace, values] of Object.entries(releases)) {
    await service.publish(namespace, values);
  }
  const client = new Client(service.hurried(settings));
  test.after(() => client.close());
  return { service, client };
}

/**
 * Milliseconds of the quickest of some attempts, each of which returns its own: other programs may have the
 * processors during the others. One within the limit suffices.
 */
export async function quickest(limit, attempt) {
  let best = Infinity;
  for (let n = 0; n < 10 && best >= limit; n += 1) {
    best = Math.min(best, await attempt());
  }
  return best;
}

/** Waits for a condition and returns its value; fails after a timeout. */
export async function eventually(holds, what, patience = 60_000) {
  for (const end = Date.now() + patience; ; await sleep(5)) {
    const value = await holds();
    if (value) {
      return value;
    }
    if (Date.now() > end) {
      throw new Error(`it does not hold in time: ${what}`);
    }
  }
}

/** The next warning of the process whose message matches. */
export function warningThat(pattern) {
  return new Promise((resolve) => {
    process.on('warning', function hear(warning) {
      if (pattern.test(warning.message)) {
        process.off('warning', hear);
        resolve(warning);
      }
    });
  });
}

/** Starts a program of the folder `programs` and collects its messages and its exit. */
export class Program {
  constructor(name, { args = [], env = {}, flags = [] } = {}) {
    const file = path.join(HERE, 'programs', name);
    this.begun = Date.now();
    this.process = spawn(process.execPath, [...flags, file, ...args], {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, ...env },
    });
    this.messages = [];
    this.output = '';
    this.errors = '';
    this.process.on('message', (message) => this.messages.push(message));
    this.process.stdout.on('data', (data) => (this.output += data));
    this.process.stderr.on('data', (data) => (this.errors += data));
    this.ended = once(this.process, 'close').then(([code, signal]) => ({
      code,
      signal,
      millis: Date.now() - this.begun,
    }));
  }

  /** Waits for the first message that has this member. */
  async message(member, patience) {
    const find = () => this.messages.find((message) => member in message);
    const message = await eventually(find, `a message with ${member}; ${this.errors}`, patience);
    return message[member];
  }

  tell(message) {
    this.process.send(message);
  }

  kill() {
    this.process.kill('SIGKILL');
  }
}

/** The server binary. */
export function serverProgram() {
  const program = process.env.CASTALIA_TEST_BIN ?? path.join(TARGET, 'castalia');
  if (!existsSync(program)) {
    throw new Error(`${program} is missing: run make build, or name it with CASTALIA_TEST_BIN`);
  }
  return program;
}
