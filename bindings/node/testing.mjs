// For `import`: what `testing.cjs` has.
export { FakeClient } from './testing.cjs';
