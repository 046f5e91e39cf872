// From a publish to the listener in Node: the median of many rounds, each with a parked poll.
// Prints nanoseconds.
import { createInterface } from 'node:readline';
import { Client, Settings } from '../../bindings/node/index.mjs';

const ROUNDS = 300;
const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

/** Sends a command to the scripted server. */
async function order(words) {
  console.log(words);
  const { value } = await answers.next();
  if (!value?.startsWith('ok')) {
    throw new Error(`${words}: ${value}`);
  }
}

await order('publish application n 0');
const settings = Settings.fromEnv();
settings.set('apollo.loadConfigQPS', '100000').set('apollo.longPollQPS', '100000');
const client = new Client(settings, { keepAlive: true });
const config = await client.config('application');
let tell;
config.onChange(() => tell(process.hrtime.bigint()));
const times = [];
for (let n = 1; n <= ROUNDS; n += 1) {
  const told = new Promise((resolve) => {
    tell = resolve;
  });
  await order('held 1');
  const begun = process.hrtime.bigint();
  await order(`publish application n ${n}`);
  times.push(Number((await told) - begun));
}
console.error(`node-notify ${times.sort((a, b) => a - b)[ROUNDS / 2].toFixed(0)}`);
await client.close();
process.stdin.destroy();
