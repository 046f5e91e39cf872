// The one-time cost of castalia in a program: its import, and a client with its first namespace.
// Prints nanoseconds.
import { once } from 'node:events';

console.log('publish application n 0');
await once(process.stdin, 'data');
const begun = process.hrtime.bigint();
const { Client } = await import('../../bindings/node/index.mjs');
const loaded = process.hrtime.bigint();
const client = new Client();
await client.config('application');
const opened = process.hrtime.bigint();
console.error(`node-import ${loaded - begun}\nnode-start ${opened - loaded}`);
await client.close();
process.stdin.destroy();
