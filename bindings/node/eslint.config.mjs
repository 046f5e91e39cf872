// Lint rules of the package.
import js from '@eslint/js';

const node = [
  'AbortController',
  'AbortSignal',
  'Buffer',
  'clearInterval',
  'performance',
  'process',
  'setImmediate',
  'setInterval',
  'setTimeout',
  'console',
  'URL',
  'fetch',
  'gc',
];
const globals = Object.fromEntries(node.map((name) => [name, 'readonly']));
const commonjs = { require: 'readonly', module: 'writable', __dirname: 'readonly' };

export default [
  { ignores: ['build', 'dist', '**/*.d.ts', '**/*.mts', '**/*.cts'] },
  js.configs.recommended,
  { languageOptions: { globals, ecmaVersion: 2022 } },
  { files: ['**/*.cjs'], languageOptions: { sourceType: 'commonjs', globals: commonjs } },
  {
    rules: {
      eqeqeq: 'error',
      'no-var': 'error',
      'prefer-const': 'error',
      'no-unused-vars': ['error', { argsIgnorePattern: '^_' }],
    },
  },
];
