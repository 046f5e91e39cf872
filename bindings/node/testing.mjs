// Re-exports `testing.cjs` for `import`.
export { FakeClient } from './testing.cjs';
