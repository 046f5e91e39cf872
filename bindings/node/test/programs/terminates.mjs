// Starts workers and terminates them under load, with or without a client in the main thread.
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';

const [own, settings, rounds] = [process.argv[2], JSON.parse(process.argv[3]), Number(process.argv[4])];
const file = new URL('worker.mjs', import.meta.url);

let config;
if (own === 'own') {
  const { Client } = await import('../../index.mjs');
  config = await new Client(settings).config('application');
}
for (let round = 0; round < rounds; round += 1) {
  const workers = Array.from({ length: 10 }, () => new Worker(file, { workerData: settings }));
  if (round % 2 === 0) {
    await Promise.all(workers.map((worker) => once(worker, 'message')));
  }
  await sleep(Math.random() * 20);
  await Promise.all(workers.map((worker) => worker.terminate()));
}
await sleep(100);
process.send({ value: config?.get('n') ?? 'none' });
