import { Client } from 'castalia';
import { expect, test } from 'vitest';

test('a client reads what the server has, and is left open', async () => {
  const config = await new Client().config('application');
  config.on('change', () => {});
  expect(config.get('greeting')).toBe('hello');
});
