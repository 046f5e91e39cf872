// The cases that hold in every language.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { test } from 'node:test';
import { HERE, TARGET } from './support.mjs';

test('every case of the contract holds', () => {
  const driver = [process.execPath, path.join(HERE, 'driver.mjs')];
  const run = spawnSync(path.join(TARGET, 'castalia-contract'), driver, { encoding: 'utf8' });
  assert.equal(run.status, 0, `${run.stdout}${run.stderr}`);
  assert.match(run.stdout, /^[1-9]\d* cases hold, 0 do not/m);
});
