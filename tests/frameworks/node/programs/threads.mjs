// Two threads with clients of their own, beside that of the main thread, which asks each in turn. At the end one
// thread is left without work, and the other is terminated; no client is closed.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { Worker, isMainThread, parentPort, threadId } from 'node:worker_threads';
import { Client } from 'castalia';

const config = await new Client().config('application');
const heard = [];
config.on('change', ({ changes }) => heard.push(changes.get('greeting').newValue));
const answer = () => ({ worker: threadId, greeting: config.get('greeting'), heard });

if (isMainThread) {
  const threads = [1, 2].map(() => new Worker(new URL(import.meta.url)));
  let turn = 0;
  const server = createServer(async (_, response) => {
    const thread = [null, ...threads][turn++ % 3];
    thread?.postMessage('read');
    const [read] = thread ? await once(thread, 'message') : [answer()];
    response.end(JSON.stringify(read));
  });
  server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
  process.once('SIGTERM', () => {
    server.close();
    threads[0].postMessage('end');
    threads[1].terminate();
  });
} else {
  parentPort.on('message', (word) => (word === 'read' ? parentPort.postMessage(answer()) : parentPort.close()));
}
