// What makes no sense does not compile.
import { CastaliaError, Client, Config, Snapshot, setLog } from 'castalia';

// @ts-expect-error a value is a text, a number or a boolean
new Client({ 'app.id': {} });
// @ts-expect-error there is no such option
new Client({}, { alive: true });
// @ts-expect-error only the client makes configs
new Config();
// @ts-expect-error and snapshots
new Snapshot();
// @ts-expect-error and errors
new CastaliaError('text');
// @ts-expect-error there is no such level
setLog(() => {}, { level: 'loud' });

export async function misused(client: Client): Promise<void> {
  // @ts-expect-error a namespace has a name
  await client.config();
  // @ts-expect-error there is no such event
  client.on('changed', () => {});
  const config = await client.config('application');
  // @ts-expect-error a read without a default may find nothing
  config.getInt('a').toFixed();
  // @ts-expect-error a change tells of the old value and the new one
  config.on('change', ({ changes }) => changes.get('a')?.value);
  // @ts-expect-error what was read does not change
  config.getList('a', [])?.push('b');
  // @ts-expect-error nobody sets a state
  config.state = 'Ready';
  // @ts-expect-error a validator gives a reason
  client.validate('application', () => 5);
}
