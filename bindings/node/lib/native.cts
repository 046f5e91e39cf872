// Finds the native half: CASTALIA_NODE_NATIVE_PATH, else a local build, else the package of this
// platform.
import path = require('node:path');

const { version } = require('../package.json') as { version: string };

interface Platform {
  readonly os: string;
  readonly cpu: string;
  readonly libc?: string;
}

/** The platforms that have a package, as in the package names. */
export const PLATFORMS: readonly Platform[] = [
  { os: 'darwin', cpu: 'arm64' },
  { os: 'darwin', cpu: 'x64' },
  { os: 'linux', cpu: 'arm64', libc: 'gnu' },
  { os: 'linux', cpu: 'arm64', libc: 'musl' },
  { os: 'linux', cpu: 'x64', libc: 'gnu' },
  { os: 'linux', cpu: 'x64', libc: 'musl' },
  { os: 'win32', cpu: 'arm64' },
  { os: 'win32', cpu: 'x64' },
];

/** Path of a local build. */
const LOCAL = path.join(__dirname, '..', 'build', 'castalia.node');

export function platformOfThisProcess(): Platform {
  const { platform: os, arch: cpu } = process;
  return os === 'linux' ? { os, cpu, libc: libcOfThisProcess() } : { os, cpu };
}

function libcOfThisProcess(): string {
  const report = process.report as any;
  const { excludeNetwork } = report;
  // Otherwise the report resolves the host names of all addresses that the process is connected to.
  report.excludeNetwork = true;
  const { header } = report.getReport();
  report.excludeNetwork = excludeNetwork;
  return header.glibcVersionRuntime ? 'gnu' : 'musl';
}

export function packageName({ os, cpu, libc }: Platform): string {
  return `@castalia/node-${[os, cpu, libc].filter(Boolean).join('-')}`;
}

function load() {
  const given = process.env.CASTALIA_NODE_NATIVE_PATH;
  if (given) {
    return require(path.resolve(given));
  }
  const local = attempt(LOCAL);
  return local.found ?? loadPackage();
}

function loadPackage() {
  const platform = platformOfThisProcess();
  const name = packageName(platform);
  const { found, error } = attempt(name);
  if (found) {
    return found;
  }
  const known = PLATFORMS.some((one) => packageName(one) === name);
  throw new Error(advice(platform, name, known), { cause: error });
}

/**
 * Loads a file or package, which need no others; returns nothing if it does not exist, and throws every other
 * error. The message of a bundler need not name it.
 */
function attempt(request: string): { found?: any; error?: unknown } {
  try {
    return { found: require(request) };
  } catch (error: any) {
    if (error.code === 'MODULE_NOT_FOUND') {
      return { error };
    }
    throw error;
  }
}

function advice({ os, cpu, libc }: Platform, name: string, known: boolean): string {
  const here = `${os} ${cpu}${libc ? ` (${libc === 'gnu' ? 'glibc' : libc})` : ''}`;
  if (!known) {
    return `castalia has no native package for ${here}. Build it from source and set CASTALIA_NODE_NATIVE_PATH to the file.`;
  }
  return [
    `castalia needs the package ${name} ${version} on ${here}, and it is not installed. The usual causes:`,
    '1. Optional dependencies were left out (--omit=optional, --no-optional): install with them.',
    '2. The lock file or node_modules were copied from another system: delete both and install here.',
    '3. A bundler included castalia without its native file: declare castalia as external.',
  ].join('\n');
}

function loadChecked() {
  const native = load();
  if (native.VERSION !== version) {
    throw new Error(
      `castalia ${version} does not work with the native half of version ${native.VERSION}; install the same version of both`,
    );
  }
  return native;
}

/** The native half; its Rust source describes it. */
export const native: any = loadChecked();
