// A worker with a client and a listener; posts every value that it reads.
import { parentPort, workerData } from 'node:worker_threads';
import { Client, setLog } from '../../index.mjs';

setLog(() => {}, { level: 'debug' });
const client = new Client(workerData);
client.validate('application', () => undefined);
const config = await client.config('application');
config.on('change', () => parentPort.postMessage(config.get('n')));
parentPort.on('message', () => client.close());
parentPort.postMessage(config.get('n'));
