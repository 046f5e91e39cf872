// Runners of tests run those of programs that use the package, and end by themselves.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Framework, Place } from './support.mjs';

const place = await Place.create('runners');
await place.publish('hello');

const JEST = ['jest', '--rootDir', 'jest'];
const VITEST = ['vitest', 'run', '--root', 'vitest'];
const COMMANDS = {
  'jest in its own process': [...JEST, '--runInBand'],
  'jest in two processes': [...JEST, '--maxWorkers', '2'],
  'vitest in processes': [...VITEST, '--pool', 'forks'],
  'vitest in threads': [...VITEST, '--pool', 'threads'],
};

for (const [name, command] of Object.entries(COMMANDS)) {
  test(`${name} runs tests and ends`, async (t) => {
    const output = await new Framework(t, command, place).ended();
    assert.match(output, /Tests:? +2 passed/);
    assert.doesNotMatch(output, /did not exit|failed to exit|not close|hanging|open handle/i);
  });
}
