// No server answers and no error is handled: the process continues to run, and exits with its own
// code.
import { Client } from '../../index.mjs';

const client = new Client(JSON.parse(process.argv[2]));
const config = await client.config('application');
config.refresh().catch(() => {});
setTimeout(() => process.send({ state: config.state, value: config.getInt('a', 5) }), 500);
