// Two processes that listen on one port, each with a client, beside one with a client that only starts them.
import cluster from 'node:cluster';
import { createServer } from 'node:http';
import { Client } from 'castalia';

const config = await new Client().config('application');
const heard = [];
config.on('change', ({ changes }) => heard.push(changes.get('greeting').newValue));

if (cluster.isPrimary) {
  cluster.once('listening', (_, { port }) => console.log(`http://127.0.0.1:${port}`));
  cluster.fork();
  cluster.fork();
  process.once('SIGTERM', () => cluster.disconnect());
} else {
  const answer = () => JSON.stringify({ worker: process.pid, greeting: config.get('greeting'), heard });
  createServer((_, response) => response.end(answer())).listen(0, '127.0.0.1');
}
