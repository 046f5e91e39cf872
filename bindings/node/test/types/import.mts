// Programs that users may write have the expected types; compiled, never run.
import castalia, {
  CastaliaError,
  ChangeEvent,
  Client,
  Config,
  ConfigFile,
  ErrorKind,
  Settings,
  Snapshot,
  Subscription,
  Watch,
  setLog,
  version,
} from 'castalia';
import { CastaliaProvider } from 'castalia/openfeature';
import { FakeClient } from 'castalia/testing';
import type { Change, ErrorCode, LogRecord, Metrics, Setting, Source, State } from 'castalia';

/** Compiles only if the type of the argument is exactly `Expected`. */
function is<Expected>() {
  return <Given,>(_given: Given, ..._same: Same<Given, Expected> extends true ? [] : [never]) => {};
}
type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

is<string>()(version);
is<number>()(ErrorKind.Closed);
is<typeof Client>()(castalia.Client);

export async function clients(signal: AbortSignal): Promise<void> {
  await using client = await Client.start({
    'app.id': 'order',
    'castalia.start-timeout': 5,
    'apollo.cache.file.enable': false,
  });
  const settings = Settings.fromEnv()
    .set('app.id', 'order')
    .defaults('application', { a: '1' })
    .seed('application', {});
  new Client();
  new Client(settings, { keepAlive: true });
  await client.start({ signal });
  is<Config>()(await client.config('application', { signal }));
  is<Config>()(await client.configOf('other', 'application'));
  is<ConfigFile>()(await client.configFile('db.json'));
  is<Setting[]>()(client.settings());
  is<Metrics>()(client.metrics());
  is<string>()(client.metricsText());
  is<string>()(client.env);
  is<number>()(client.metrics().http.reduce((sum, { count }) => sum + count, 0));
  is<number | undefined>()(client.metrics().threads?.workers);
  is<number>()(client.metrics().namespaces[0].malformedReads);
  is<boolean>()(client.closed);
  client.validate('application', (snapshot) => (snapshot.has('a') ? undefined : 'a is missing'));
  client.validate('application', async () => null);
  client.setAccessKey('order', 'secret');
  client
    .on('ready', () => {})
    .on('change', (event, namespace) => [is<ChangeEvent>()(event), is<Config | ConfigFile>()(namespace)])
    .on('source', (source) => is<Source>()(source))
    .once('error', (error) => is<Error>()(error));
  await client.close({ signal });
}

enum Level {
  low,
  high,
}

export async function faces(): Promise<void> {
  await using client = new FakeClient({ application: { a: 1 } }, { required: true });
  await client.set('application', { a: null });
  is<{ readonly name: string }>()(new CastaliaProvider(await client.config('application')).metadata);
}

export function reads(config: Config, snapshot: Snapshot): void {
  for (const from of [config, snapshot]) {
    is<string | undefined>()(from.get('a'));
    is<string>()(from.get('a', 'b'));
    is<string | null>()(from.get('a', null));
    is<number | undefined>()(from.getInt('a'));
    is<number>()(from.getInt('a', 5));
    is<number | undefined>()(from.tryGetInt('a'));
    is<number>()(from.getLong('a', 5));
    is<bigint>()(from.getBigInt('a', 5n));
    is<number>()(from.getDouble('a', 5));
    is<number>()(from.getDuration('a', 5));
    is<Date>()(from.getDate('a', new Date()));
    is<unknown>()(from.getJson('a'));
    is<readonly string[] | undefined>()(from.getList('a'));
    const list: readonly string[] = from.getList('a', [], ';');
    is<number>()(list.length);
    is<'low' | 'high' | undefined>()(from.getEnum('a', ['low', 'high']));
    is<'low' | 'high'>()(from.getEnum('a', ['low', 'high'], 'low'));
    is<Level | undefined>()(from.tryGetEnum('a', Level));
    is<URL | undefined>()(from.getWith('a', (text) => new URL(text)));
    for (const [key, value] of from) {
      is<string>()(key + value);
    }
  }
  is<State>()(config.state);
  is<CastaliaError | null>()(config.lastError);
  is<Snapshot>()(config.snapshot());
  is<Date>()(snapshot.loadedAt);
}

export async function changes(config: Config, file: ConfigFile, signal: AbortSignal): Promise<void> {
  using subscription = config.onChange((event) => event.sequence, { keys: ['a'], prefixes: new Set(['db.']) });
  is<Subscription>()(subscription);
  config.on('change', async (event) => is<ReadonlyMap<string, Change>>()(event.changes), { keys: ['a'] });
  for await (const event of file.changes({ keys: ['content'], signal })) {
    is<ChangeEvent>()(event);
    is<Change['changeType'] | undefined>()(event.changes.get('content')?.changeType);
  }
  const watch = config.watch((snapshot) => ({ port: snapshot.tryGetInt('port') ?? 80 }));
  is<Watch<{ port: number }>>()(watch);
  is<number>()(watch.get().port);
  {
    using given = config;
    is<State>()(given.state);
  }
  is<void>()(file.close());
}

setLog((record) => is<LogRecord>()(record), { level: 'debug' });
setLog(({ fields }) => is<string>()(fields.namespace));
setLog(null);

export function reaction(error: unknown): ErrorCode | undefined {
  return error instanceof CastaliaError ? error.code : undefined;
}
