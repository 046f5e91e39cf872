// Types of the package for `import`: those of `index.d.cts`.
import * as castalia from './index.cjs';
export default castalia;
export * from './index.cjs';
