// For `import`: what `openfeature.cjs` has.
export { CastaliaProvider } from './openfeature.cjs';
