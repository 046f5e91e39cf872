// Every worker of a web server follows the server of Castalia, and ends when its framework does.
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { Framework, follows } from './support.mjs';

const ESBUILD = ['esbuild', '--bundle', '--platform=node', '--log-level=warning'];

test('express follows, and ends with its client open', (t) => follows(t, 'express', ['node', 'express.mjs']));

test('fastify follows, and ends when its hook has closed the client', (t) =>
  follows(t, 'fastify', ['node', 'fastify.mjs']));

test('nest follows, and ends when its hook has closed the client', async (t) => {
  const decorators = '--tsconfig-raw={"compilerOptions":{"experimentalDecorators":true}}';
  const bundle = ['nest.ts', '--packages=external', '--format=esm', decorators, '--outfile=built/nest.mjs'];
  await new Framework(t, [...ESBUILD, ...bundle]).ended();
  // Nest ends itself with the signal that it received.
  await follows(t, 'nest', ['node', 'built/nest.mjs'], { outcome: [null, 'SIGTERM'] });
});

test('every process of a cluster follows', (t) => follows(t, 'cluster', ['node', 'cluster.mjs'], { workers: 2 }));

test('every thread follows, whether it ends or is terminated', (t) =>
  follows(t, 'threads', ['node', 'threads.mjs'], { workers: 3 }));

test('what esbuild bundled follows, with the package as an external one', async (t) => {
  // A bundle of ECMAScript modules lacks the `require` that Express calls.
  const banner = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";
  for (const [suffix, options] of Object.entries({ cjs: [], mjs: ['--format=esm', `--banner:js=${banner}`] })) {
    const files = [`express.${suffix}`, `--outfile=built/esbuild.${suffix}`];
    await new Framework(t, [...ESBUILD, '--external:castalia', ...options, ...files]).ended();
    await follows(t, `esbuild-${suffix}`, ['node', `built/esbuild.${suffix}`]);
  }
});

test('what webpack bundled follows, with the package as an external one', async (t) => {
  await new Framework(t, ['node', 'webpack.mjs']).ended();
  await follows(t, 'webpack', ['node', 'built/webpack.cjs']);
});

test('a bundle that includes the package without its native half says what to do', async (t) => {
  const elsewhere = await mkdtemp(path.join(tmpdir(), 'castalia-'));
  t.after(() => rm(elsewhere, { recursive: true }));
  const bundle = path.join(elsewhere, 'express.cjs');
  await new Framework(t, [...ESBUILD, 'express.cjs', `--outfile=${bundle}`]).ended();
  for (const file of [bundle, 'turbopack.cjs']) {
    const output = await new Framework(t, ['node', file]).ended([1, null], /panicked|SIG/);
    assert.match(output, /declare castalia as external/);
  }
});
