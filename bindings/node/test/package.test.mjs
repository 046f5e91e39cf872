// The package as users receive it: its contents, its installation and loading, and that the
// examples work.
import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { version } from '../index.mjs';
import { HERE, PATIENT, ROOT, Scripted } from './support.mjs';

const SOURCE = path.join(HERE, '..');
const { packageName, platformOfThisProcess } = createRequire(import.meta.url)('../lib/native.cjs');

// This process has loaded its native half; the processes that it starts must find the packed one.
delete process.env.CASTALIA_NODE_NATIVE_PATH;

const made = [];
after(() => Promise.all(made.map((directory) => rm(directory, { recursive: true }))));

async function emptyDirectory() {
  made.push(await mkdtemp(path.join(tmpdir(), 'castalia-')));
  return made.at(-1);
}

/** The packages to check, or new ones made of the current build. */
async function packages() {
  if (process.env.CASTALIA_PACKAGES) {
    return process.env.CASTALIA_PACKAGES;
  }
  const directory = await emptyDirectory();
  execFileSync(process.execPath, [path.join(SOURCE, 'pack.mjs'), path.join(SOURCE, 'build/castalia.node'), directory]);
  return directory;
}

/** A directory with the packages installed, without access to a registry. */
async function installed() {
  const directory = await emptyDirectory();
  const native = packageName(platformOfThisProcess()).slice(1).replace('/', '-');
  const archives = ['castalia', native].map((name) => `${name}-${version}.tgz`);
  await writeFile(path.join(directory, 'package.json'), '{}');
  const flags = ['install', '--silent', '--offline', '--ignore-scripts', '--no-audit', '--no-fund'];
  execFileSync('npm', [...flags, ...archives.map((name) => path.join(packed, name))], { cwd: directory });
  return directory;
}

const packed = await packages();
const directory = await installed();

/** Environment variables that configure a client for a service. */
function variables(scripted) {
  const poll = { APOLLO_LONG_POLLING_INITIAL_DELAY_IN_MILLS: '0', APOLLO_CACHE_FILE_ENABLE: 'false' };
  const variable = (name) =>
    name
      .replace(/([a-z])([A-Z])/g, '$1_$2')
      .replace(/[.-]/g, '_')
      .toUpperCase();
  const patient = Object.entries(PATIENT).map(([name, millis]) => [variable(name), String(millis)]);
  return { ...process.env, APP_ID: 'order', APOLLO_META: scripted.url, ...poll, ...Object.fromEntries(patient) };
}

/** A running program and its lines. */
function start(test, file, scripted) {
  const program = spawn(process.execPath, [file], { stdio: ['ignore', 'pipe', 'inherit'], env: variables(scripted) });
  test.after(() => program.kill());
  const lines = createInterface({ input: program.stdout })[Symbol.asyncIterator]();
  return { ended: once(program, 'exit'), line: async () => (await lines.next()).value };
}

test('what was packed is installed without scripts, and runs the example', { timeout: 600_000 }, async (t) => {
  const scripted = await Scripted.start();
  t.after(() => scripted.stop());
  await scripted.publish('application', { greeting: 'hello' });
  await cp(path.join(ROOT, 'examples/node/hello.mjs'), path.join(directory, 'hello.mjs'));
  const program = start(t, path.join(directory, 'hello.mjs'), scripted);
  assert.equal(await program.line(), 'greeting = hello (from remote)');
  await scripted.push('application', { greeting: 'good morning' });
  assert.equal(await program.line(), 'MODIFIED greeting: hello -> good morning');
  assert.deepEqual(await program.ended, [0, null]);

  const manifest = JSON.parse(await readFile(path.join(directory, 'node_modules/castalia/package.json'), 'utf8'));
  assert.deepEqual(
    [manifest.scripts, manifest.dependencies, manifest.devDependencies],
    [undefined, undefined, undefined],
  );
  const halves = (await readdir(packed)).filter((name) => name.startsWith('castalia-node-'));
  const archives = Object.keys(manifest.optionalDependencies).map(
    (name) => `${name.slice(1).replace('/', '-')}-${version}.tgz`,
  );
  assert.deepEqual(archives.sort(), halves.sort(), 'it asks for the native halves that were packed');
  const files = await readdir(path.join(directory, 'node_modules/castalia'));
  const faces = ['index', 'openfeature', 'testing'].flatMap((name) =>
    ['cjs', 'd.cts', 'd.mts', 'mjs'].map((suffix) => `${name}.${suffix}`),
  );
  assert.deepEqual(files.sort(), ['LICENSE', 'README.md', 'lib', 'package.json', ...faces].sort());
  const native = await readdir(path.join(directory, 'node_modules', packageName(platformOfThisProcess())));
  const notices = process.env.CASTALIA_PACKAGES ? ['THIRD-PARTY.txt'] : [];
  assert.deepEqual(native.sort(), ['LICENSE', 'castalia.node', 'package.json', ...notices].sort());
  for (const { import: imported, require: required } of Object.values(manifest.exports).filter(
    ({ import: it }) => it,
  )) {
    // TypeScript decides by the suffix whether types describe a CommonJS or an ECMAScript module.
    assert.match(imported.types, /\.d\.mts$/);
    assert.match(required.types, /\.d\.cts$/);
  }
  for (const field of ['author', 'homepage', 'repository', 'bugs', 'license']) {
    assert.ok(manifest[field], field);
  }
});

test('import and require share one of everything', async () => {
  const script = `
    import castalia, * as imported from 'castalia';
    import { createRequire } from 'node:module';
    const required = createRequire(import.meta.url)('castalia');
    const { default: whole, ...names } = imported;
    const same = Object.keys(required).every((name) => required[name] === names[name]);
    console.log(same && whole === required && Object.keys(names).length === Object.keys(required).length);
    console.log(Object.keys(process.report.getReport().sharedObjects.filter((file) => file.endsWith('castalia.node'))).length);`;
  await writeFile(path.join(directory, 'both.mjs'), script);
  assert.equal(execFileSync(process.execPath, ['both.mjs'], { cwd: directory, encoding: 'utf8' }), 'true\n1\n');
});

test('the types are found by a compiler that does not know the exports of a package', async () => {
  // B144. The default of TypeScript 5 for CommonJS.
  const modules = path.join(SOURCE, 'node_modules');
  const options = {
    target: 'es2022',
    lib: ['es2022', 'esnext.disposable'],
    module: 'commonjs',
    moduleResolution: 'node',
    strict: true,
    noEmit: true,
    types: ['node'],
    typeRoots: [path.join(modules, '@types')],
    paths: { '@openfeature/*': [path.join(modules, '@openfeature/*')] },
  };
  const project = { compilerOptions: options, files: ['old.ts'] };
  await writeFile(path.join(directory, 'tsconfig.json'), JSON.stringify(project));
  const program = `
    import { Client } from 'castalia';
    import { CastaliaProvider } from 'castalia/openfeature';
    import { FakeClient } from 'castalia/testing';
    const client: Client = new FakeClient({ application: { a: true } });
    client.config('application').then((config) => new CastaliaProvider(config).onClose());`;
  await writeFile(path.join(directory, 'old.ts'), program);
  const compiler = path.join(modules, 'typescript/bin/tsc');
  const { status, stdout } = spawnSync(process.execPath, [compiler, '-p', directory], { encoding: 'utf8' });
  assert.deepEqual([stdout, status], ['', 0]);
});

test('the native half brings no TLS or memory library of its own into the process', () => {
  // T55
  const script = 'require("castalia"); console.log(process.report.getReport().sharedObjects.join("\\n"))';
  const loaded = execFileSync(process.execPath, ['-e', script], { cwd: directory, encoding: 'utf8' });
  assert.match(loaded, /castalia\.node/);
  assert.doesNotMatch(loaded, /ssl|crypto|malloc/);
});

test('a package without its native half, or with one of another version, says what to do', async () => {
  // T53
  const broken = await emptyDirectory();
  await cp(directory, broken, { recursive: true });
  const load = (env = {}) => {
    const run = { cwd: broken, encoding: 'utf8', env: { ...process.env, ...env } };
    return spawnSync(process.execPath, ['-e', 'require("castalia")'], run).stderr;
  };
  assert.equal(load(), '');
  assert.match(load({ CASTALIA_NODE_NATIVE_PATH: '/nowhere/castalia.node' }), /nowhere/);
  const manifest = path.join(broken, 'node_modules/castalia/package.json');
  const text = await readFile(manifest, 'utf8');
  await writeFile(manifest, text.replace(/"version": ".*"/, '"version": "9.9.9"'));
  assert.match(
    load(),
    /castalia 9\.9\.9 does not work with the native half of version \d+\.\d+\.\d+; install the same version of both/,
  );
  await writeFile(manifest, text);
  await rm(path.join(broken, 'node_modules/@castalia'), { recursive: true });
  for (const advice of [/@castalia\/node-\w+-\w+/, /--omit=optional/, /lock file/, /external/]) {
    assert.match(load(), advice);
  }
});

test('the examples of the readme work', { timeout: 600_000 }, async (t) => {
  const readme = await readFile(path.join(SOURCE, 'README.md'), 'utf8');
  const [first, second] = [...readme.matchAll(/```js\n(.*?)```/gs)].map(([, code]) => code);
  const scripted = await Scripted.start();
  t.after(() => scripted.stop());
  const run = async (name, code) => {
    await scripted.publish('application', { 'rate.limit': '5' });
    const patient = code.replace("{ 'app.id'", `{ ...${JSON.stringify(PATIENT)}, 'app.id'`);
    await writeFile(path.join(directory, name), patient.replace('http://meta:8080', scripted.url));
    return start(t, path.join(directory, name), scripted);
  };

  const settings = await run('first.mjs', `${first}\nsetInterval(() => {}, 1000);`);
  assert.equal(await settings.line(), 'the limit is 5');
  await scripted.publish('application', { 'rate.limit': '6' });
  assert.equal(await settings.line(), 'rate.limit: 5 -> 6');

  const iterating = await run('second.mjs', second);
  let n = 10;
  const publishing = setInterval(() => scripted.publish('application', { 'rate.limit': String((n += 1)) }), 100);
  const heard = await iterating.line();
  clearInterval(publishing);
  assert.match(heard, /^rate\.limit = \d\d+$/);
  assert.deepEqual(await iterating.ended, [0, null]);
});
