// Reads a value, waits for one change, prints both. Settings come from the environment: `APP_ID`, `APOLLO_META`, ...
import { Client, Settings } from 'castalia';

// Without `keepAlive` an open client does not keep the process alive.
const client = new Client(Settings.fromEnv(), { keepAlive: true });
const config = await client.config('application');
const changes = config.changes();

console.log(`greeting = ${config.get('greeting', 'not set')} (from ${config.source})`);

const { value: event } = await changes.next();
for (const [key, { changeType, oldValue, newValue }] of event.changes) {
  console.log(`${changeType} ${key}: ${oldValue} -> ${newValue}`);
}
await client.close();
