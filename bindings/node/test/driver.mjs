// Executes the calls of the cases in `tests/contract`: one client, its namespaces and its
// listeners, controlled by lines of text.
import { createInterface } from 'node:readline';
import { once, EventEmitter } from 'node:events';
import { CastaliaError, Client } from '../index.mjs';

const TYPES = { int: 'Int', long: 'BigInt', double: 'Double', bool: 'Bool', duration: 'Duration', date: 'Date' };

let client;
const configs = new Map();
const listeners = new Map();

class Listener {
  #events = [];
  #came = new EventEmitter();
  interested = [];

  constructor(config, throws, words) {
    const of = (sign) => words.filter((word) => word.startsWith(sign)).map((word) => word.slice(1));
    const listen = (event) => {
      if (throws) {
        throw new Error('as told');
      }
      this.#events.push(event);
      this.#came.emit('event');
    };
    config.on('change', listen, { keys: of('k'), prefixes: of('p') });
  }

  /** The changed keys of the next event and the kind of each change, sorted. */
  async next() {
    if (this.#events.length === 0) {
      await once(this.#came, 'event', { signal: AbortSignal.timeout(70_000) });
    }
    const event = this.#events.shift();
    this.interested = event.interestedKeys;
    const changes = [...event.changes].sort(([a], [b]) => (a < b ? -1 : 1));
    return changes.flatMap(([key, change]) => [key, change.changeType.toLowerCase()]);
  }
}

const calls = {
  client(...words) {
    const pairs = words.flatMap((word, at) => (at % 2 === 0 ? [[word, words[at + 1]]] : []));
    client = new Client(Object.fromEntries(pairs));
    client.on('error', () => {});
    return [];
  },
  async open(appId, namespace) {
    configs.set(namespace, await client.configOf(appId, namespace));
    return [];
  },
  async content(namespace) {
    return some((await client.configFile(namespace)).content);
  },
  setting: (name) => some(client.settings().find((setting) => setting.name === name)?.value),
  async close() {
    await client.close();
    return [];
  },
  close_namespace(namespace) {
    configs.get(namespace).close();
    return [];
  },
  last_error: (namespace) => some(configs.get(namespace).lastError?.code),
  listen(name, namespace, flag, ...interest) {
    listeners.set(name, new Listener(configs.get(namespace), flag === 'throws', interest));
    return [];
  },
  event: (name) => listeners.get(name).next(),
  interest: (name) => listeners.get(name).interested,
  metric(namespace, name) {
    const property = name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase());
    return some(client.metrics().namespaces.find((one) => one.namespace === namespace)?.[property]);
  },
  state: (namespace) => [configs.get(namespace).source, configs.get(namespace).state],
  keys: (namespace) => [...configs.get(namespace).keys()],
  async refresh(namespace) {
    await configs.get(namespace).refresh();
    return [];
  },
  get: (namespace, key) => some(configs.get(namespace).get(key)),
};

function typed(action, [namespace, key, text]) {
  const [verb, type] = action.split(/_(?=[a-z]+$)/);
  const config = configs.get(namespace);
  if (verb === 'try_get') {
    return some(config[`tryGet${TYPES[type]}`](key));
  }
  const fallbacks = { long: BigInt, bool: (word) => word === 'true', date: (word) => new Date(Number(word)) };
  const fallback = fallbacks[type] ?? Number;
  return some(config[`get${TYPES[type]}`](key, fallback(text)));
}

function some(value) {
  return value === undefined ? [] : [String(value instanceof Date ? value.getTime() : value)];
}

for await (const line of createInterface({ input: process.stdin })) {
  const [action, ...words] = line.split(' ').map(decodeURIComponent);
  let answer;
  try {
    answer = ['ok', ...(await (calls[action]?.(...words) ?? typed(action, words)))];
  } catch (error) {
    answer = ['error', error instanceof CastaliaError ? error.code : 'Internal', String(error)];
  }
  console.log(answer.map(encodeURIComponent).join(' '));
}
