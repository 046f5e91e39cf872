// One read in Node: of a plain map, and by `get` of a config. Prints nanoseconds.
import { once } from 'node:events';
import { Client } from '../../bindings/node/index.mjs';

const [KEYS, READS, ROUNDS] = [1000, 200_000, 9];

/** Sends a command to the scripted server. */
async function order(words) {
  console.log(words);
  const [answer] = await once(process.stdin, 'data');
  if (!String(answer).startsWith('ok')) {
    throw new Error(`${answer}`);
  }
}

const names = Array.from({ length: KEYS }, (_, n) => `some.longer.key.${n}`);
await order(`publish application ${names.map((name) => `${name} ${name}`).join(' ')}`);
const shuffled = Array.from({ length: READS }, (_, i) => names[(i * 617) % KEYS]);
const client = new Client();
const config = await client.config('application');
const map = new Map(config);

// Each has its own loop, so that the JIT compiler specializes it. The results are used, so that no
// read is optimized away.
let used = 0;
const loops = {
  'node-map-get': () => {
    for (const key of shuffled) used += map.get(key).length;
  },
  'node-get': () => {
    for (const key of shuffled) used += config.get(key).length;
  },
};
const times = Object.fromEntries(Object.keys(loops).map((name) => [name, []]));
for (let round = 0; round < ROUNDS; round += 1) {
  for (const [name, loop] of Object.entries(loops)) {
    const begun = process.hrtime.bigint();
    loop();
    times[name].push(Number(process.hrtime.bigint() - begun) / READS);
  }
}
for (const [name, all] of Object.entries(times)) {
  const median = all.sort((a, b) => a - b)[Math.floor(ROUNDS / 2)];
  console.error(`${name} ${median.toFixed(1)}`);
}
process.exitCode = used > 0 ? 0 : 1;
await client.close();
process.stdin.destroy();
