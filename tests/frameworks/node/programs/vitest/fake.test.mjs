import { FakeClient } from 'castalia/testing';
import { expect, test } from 'vitest';

test('a fake client announces what a test sets', async () => {
  const client = new FakeClient({ application: { greeting: 'hello' } });
  const config = await client.config('application');
  const heard = new Promise((resolve) => config.once('change', resolve));
  await client.set('application', { greeting: 'good morning' });
  expect((await heard).changes.get('greeting').newValue).toBe('good morning');
});
