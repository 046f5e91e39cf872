// Lint rules of the package.
import js from '@eslint/js';
import tseslint from 'typescript-eslint';

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
  { ignores: ['build', 'dist', 'lib/*.cjs', '**/*.d.cts', '**/*.d.mts', 'test/types'] },
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
  {
    files: ['lib/*.cts'],
    languageOptions: { parser: tseslint.parser },
    // What the compiler checks.
    rules: { ...tseslint.configs.eslintRecommended.rules, 'no-unused-vars': 'off' },
  },
];
