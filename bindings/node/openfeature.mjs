// Re-exports `openfeature.cjs` for `import`.
export { CastaliaProvider } from './openfeature.cjs';
