// Re-exports the public names of `index.cjs` for `import`.
export { default } from './index.cjs';
export * from './index.cjs';
