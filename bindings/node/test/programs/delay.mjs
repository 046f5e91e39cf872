// How long a change of many keys blocks the event loop: the longest turn of each change, in
// milliseconds of CPU time of this thread, so that other programs on a busy machine do not count.
import fs from 'node:fs';
import { Client } from '../../index.mjs';

const schedule = fs.openSync(`/proc/self/task/${process.pid}/schedstat`);
const line = Buffer.alloc(64);

const client = new Client(JSON.parse(process.argv[2]));
const config = await client.config('many');
let longest = 0;
let last = 0;

/** CPU time of this thread so far. */
function now() {
  // Makes the kernel update its accounting.
  process.cpuUsage();
  const length = fs.readSync(schedule, line, 0, line.length, 0);
  return Number(line.toString('latin1', 0, length).split(' ')[0]) / 1e6;
}

function turn() {
  const at = now();
  longest = Math.max(longest, at - last);
  last = at;
  setImmediate(turn);
}

/** CPU time in which plain JavaScript makes as many changes, for comparison on any machine. */
function reference() {
  const at = now();
  const changes = new Map();
  for (let n = 0; n < 10_000; n += 1) changes.set(`key.${n}`, { oldValue: `old ${n}`, newValue: `new ${n}` });
  return changes.size && now() - at;
}

config.on('change', (event) => {
  process.send({ millis: longest, reference: reference(), changes: event.changes.size, value: config.get('key.9999') });
});
process.on('message', () => {
  longest = 0;
});
// Compiled and optimised before the first measurement.
for (let n = 0; n < 20; n += 1) reference();
last = now();
turn();
process.send({ ready: config.size });
