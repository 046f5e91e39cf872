// Like express.mjs, for bundlers that make a CommonJS module.
const { Client } = require('castalia');
const express = require('express');

async function main() {
  const config = await new Client().config('application');
  const heard = [];
  config.on('change', ({ changes }) => heard.push(changes.get('greeting').newValue));

  const app = express();
  app.get('/', (_, response) => response.json({ worker: process.pid, greeting: config.get('greeting'), heard }));
  const server = app.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
  process.once('SIGTERM', () => server.close());
}

main();
