// Bundles express.mjs into built/webpack.cjs, with the package as an external one.
import { fileURLToPath } from 'node:url';
import webpack from 'webpack';

const here = fileURLToPath(new URL('.', import.meta.url));
const options = {
  context: here,
  entry: './express.mjs',
  externals: { castalia: 'node-commonjs castalia' },
  mode: 'none',
  output: { filename: 'webpack.cjs', path: `${here}built` },
  target: 'node20',
};
const stats = await new Promise((resolve, reject) => {
  webpack(options, (error, done) => (error ? reject(error) : resolve(done)));
});
if (stats.hasErrors()) {
  throw new Error(stats.toString('errors-only'));
}
