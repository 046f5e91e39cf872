// The public names of the package, for `import`.
import castalia from './index.cjs';

export const {
  CastaliaError,
  ChangeEvent,
  Client,
  Config,
  ConfigFile,
  ErrorKind,
  Settings,
  Snapshot,
  Subscription,
  Watch,
  setLog,
  version,
} = castalia;
export default castalia;
