// Closes a client that keeps the process alive, in Fastify's own hook.
import { Client } from 'castalia';
import fastify from 'fastify';

const client = await Client.start(undefined, { keepAlive: true });
const config = await client.config('application');
const heard = [];
config.on('change', ({ changes }) => heard.push(changes.get('greeting').newValue));

const app = fastify();
app.get('/', async () => ({ worker: process.pid, greeting: config.get('greeting'), heard }));
app.addHook('onClose', () => client.close());
console.log(await app.listen({ host: '127.0.0.1', port: 0 }));
process.once('SIGTERM', () => app.close());
