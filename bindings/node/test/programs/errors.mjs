// Every listener fails, and so does the listener of `error`: reports what they and reads received, and
// the uncaught exceptions.
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeClient } from '../../testing.mjs';

const uncaught = [];
process.on('uncaughtException', (error, origin) => uncaught.push(`${origin}: ${error.message}`));
const client = new FakeClient({ application: { n: '0' } });
const config = await client.config('application');
client.on('error', (error) => {
  throw new Error(`error after ${error.message}`);
});
client.on('change', () => {
  throw new Error('change');
});
const heard = [];
config.onChange((event) => {
  heard.push(event.sequence);
  throw new Error('listener');
});

const reads = [];
for (const n of ['1', '2', '3']) {
  await client.set('application', { n }).catch((error) => reads.push(error.message));
  reads.push(config.get('n'));
}
await config.refresh().catch((error) => reads.push(error.message));
await client.fail('missing');
const missing = await client.config('missing').catch((error) => error);
// Uncaught exceptions of deliveries may follow the last read. There are seven, and there may be no more.
for (const end = Date.now() + 60_000; uncaught.length < 7 && Date.now() < end;) {
  await sleep(20);
}
await sleep(100);
process.send({ report: { reads, heard, source: missing.source, uncaught } }, () => process.exit(0));
