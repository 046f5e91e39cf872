// Opens a client and finishes: argument 1 selects how, argument 2 contains the settings.
import { Client } from '../../index.mjs';

const [how, settings] = [process.argv[2], JSON.parse(process.argv[3])];
const client = new Client(settings, { keepAlive: how === 'keepAlive' });
const config = await client.config('application');
if (how !== 'plain') {
  config.on('change', () => {});
  client.on('change', () => {});
  (async () => {
    for await (const event of config.changes()) {
      void event;
    }
  })();
}
if (how === 'exit') {
  setTimeout(() => process.exit(3), Math.random() * 40);
}
process.send({ read: config.get('a') });
