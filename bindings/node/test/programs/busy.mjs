// Blocks its event loop until the file named by an argument exists, then reports what its listener
// received.
import { existsSync, writeSync } from 'node:fs';
import { Client } from '../../index.mjs';

const client = new Client(JSON.parse(process.argv[2]));
const config = await client.config('application');
const heard = [];
config.on('change', ({ sequence, coalesced, changes }) => {
  heard.push({ sequence, coalesced, change: changes.get('n') });
});
process.once('message', (file) => {
  writeSync(1, 'busy');
  for (const begun = Date.now(); Date.now() < begun + 5000 || !existsSync(file););
  const last = setInterval(() => {
    if (config.get('n') === 'last' && heard.at(-1)?.change.newValue === 'last') {
      clearInterval(last);
      process.send({ heard });
      process.disconnect();
    }
  }, 10);
});
process.send({ ready: true });
