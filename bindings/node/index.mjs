// The public names of the package, for `import`: those of `index.cjs`.
export { default } from './index.cjs';
export * from './index.cjs';
