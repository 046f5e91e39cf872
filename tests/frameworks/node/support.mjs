// A framework that runs, and the place on the server that its clients read.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { get } from 'node:http';
import path from 'node:path';
import { json } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** Where the programs are, with the packages installed beside them. */
export const PROGRAMS = process.env.CASTALIA_TEST_PROGRAMS;
/** Milliseconds that no condition takes, even on a machine that stops for some of them. */
const DEADLINE = 120_000;
const FAULT = /Error|panicked|SIGKILL|SIGABRT|SIGSEGV/;

/** A cluster of the sample app. */
export class Place {
  static async create(name) {
    const place = new Place();
    place.name = name;
    await place.#call('POST', 'clusters', { name, appId: 'sample-app' });
    return place;
  }

  /** Publishes a value of the key `greeting`. */
  async publish(greeting) {
    const namespace = `clusters/${this.name}/namespaces/application`;
    const item = { key: 'greeting', value: greeting, dataChangeLastModifiedBy: 'apollo' };
    await this.#call('PUT', `${namespace}/items/greeting?createIfNotExists=true`, item);
    await this.#call('POST', `${namespace}/releases`, { releaseTitle: greeting, releasedBy: 'apollo' });
  }

  async #call(method, url, body) {
    const { CASTALIA_TEST_PORTAL: portal, CASTALIA_TEST_TOKEN: token } = process.env;
    const answer = await fetch(`${portal}/openapi/v1/envs/DEV/apps/sample-app/${url}`, {
      method,
      headers: { 'content-type': 'application/json', authorization: token },
      body: JSON.stringify({ ...body, dataChangeCreatedBy: 'apollo' }),
    });
    assert.ok(answer.ok, `${method} ${url}: ${answer.status} ${await answer.text()}`);
  }
}

/** A process of a framework, with all that it starts. */
export class Framework {
  #process;
  #log = '';

  /** Runs a command of Node or of a package in the folder of the programs. */
  constructor(test, [program, ...words], place) {
    const PATH = `${path.join(PROGRAMS, '../node_modules/.bin')}:${process.env.PATH}`;
    const env = { ...process.env, PATH, APOLLO_CLUSTER: place?.name ?? 'none', FORCE_COLOR: '0', NO_COLOR: '1' };
    // What the runner of this test tells its own processes.
    delete env.NODE_TEST_CONTEXT;
    this.#process = spawn(program, words, { cwd: PROGRAMS, env, detached: true });
    for (const stream of [this.#process.stdout, this.#process.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => (this.#log += text));
    }
    test.after(() => this.#kill('SIGKILL'));
  }

  /** The address that it says to listen on. */
  url() {
    return this.#until('it listens', () => this.#log.match(/http:\/\/127\.0\.0\.1:\d+/)?.[0]);
  }

  /** Waits until this many workers answered, each of them last with this; which they are. */
  async shows(workers, url, greeting, heard) {
    const last = new Map();
    const expected = JSON.stringify({ greeting, heard });
    await this.#until(`${workers} workers show ${greeting}`, async () => {
      const { worker, ...answer } = await read(url);
      last.set(worker, JSON.stringify(answer));
      return last.size >= workers && [...last.values()].every((each) => each === expected);
    });
    return [...last.keys()].sort();
  }

  /** Asks it to end, and requires what `ended` does. */
  async stop(outcome) {
    this.#process.kill('SIGTERM');
    await this.ended(outcome);
  }

  /** Waits for its end; fails if a process of it remains, or wrote what looks like a fault. Returns its output. */
  async ended(outcome = [0, null], fault = FAULT) {
    const { exitCode, signalCode } = await this.#wait('its end', () => this.#hasEnded() && this.#process);
    await this.#wait('the end of all its processes', () => !this.#kill(0));
    assert.deepEqual([exitCode, signalCode], outcome, this.#log);
    assert.doesNotMatch(this.#log, fault);
    return this.#log;
  }

  #hasEnded() {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }

  /** Sends a signal to all processes; whether there were any. */
  #kill(signal) {
    try {
      return process.kill(-this.#process.pid, signal);
    } catch {
      return false;
    }
  }

  /** Waits for a condition while the process runs. */
  #until(what, condition) {
    return this.#wait(what, () => {
      assert.ok(!this.#hasEnded(), `it ended before ${what}:\n${this.#log}`);
      return condition();
    });
  }

  async #wait(what, condition) {
    const deadline = performance.now() + DEADLINE;
    for (;;) {
      const outcome = await condition();
      if (outcome) {
        return outcome;
      }
      assert.ok(performance.now() < deadline, `waited ${DEADLINE} ms in vain for ${what}:\n${this.#log}`);
      await sleep(20);
    }
  }
}

/** The answer to a request on a connection of its own. */
function read(url) {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: DEADLINE }, (response) => json(response).then(resolve, reject));
    request.on('error', reject).on('timeout', () => request.destroy(new Error(`no answer of ${url}`)));
  });
}

/** Publishes while a framework runs, and requires that each of its workers follows and ends with it. */
export async function follows(test, name, command, { workers = 1, outcome } = {}) {
  const place = await Place.create(name);
  await place.publish('hello');
  const framework = new Framework(test, command, place);
  const url = await framework.url();
  const before = await framework.shows(workers, url, 'hello', []);
  await place.publish('good morning');
  const after = await framework.shows(workers, url, 'good morning', ['good morning']);
  assert.equal(before.length, workers);
  assert.deepEqual(after, before);
  await framework.stop(outcome);
}
