// Packs the package and the native half of this platform: `node pack.mjs castalia.node DIRECTORY`.
// The package depends on the native packages that it finds in DIRECTORY, so put those of other
// platforms there first, and the notices that `.ci/parts` writes. With `musl` as third argument only the native half for that C library is
// packed, which a glibc process cannot load.
import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';

const [native, directory] = process.argv.slice(2, 4).map((file) => path.resolve(file));
const libc = process.argv[4];
const here = import.meta.dirname ?? path.dirname(new URL(import.meta.url).pathname);
// A native half that cannot be loaded is not packed.
if (!libc) {
  process.env.CASTALIA_NODE_NATIVE_PATH = native;
}
execFileSync(path.join(here, 'build.sh'), { stdio: 'inherit' });
const { PLATFORMS, packageName, platformOfThisProcess } = createRequire(import.meta.url)('./lib/native.cjs');

const own = JSON.parse(readFileSync(path.join(here, 'package.json'), 'utf8'));
const { version, license, author, homepage, repository, bugs } = own;
const licence = path.join(here, '../../LICENSE');

/** Packs these files; the keys are their paths in the package. */
function pack(manifest, files) {
  const stage = mkdtempSync(path.join(tmpdir(), 'castalia-pack-'));
  for (const [name, file] of Object.entries({ LICENSE: licence, ...files })) {
    // The sources in `lib` are not packed: users run what is compiled of them.
    const filter = (from) => !/\blib\/[\w-]+\.cts$/.test(from);
    cpSync(file, path.join(stage, name), { recursive: true, filter });
  }
  writeFileSync(path.join(stage, 'package.json'), JSON.stringify(manifest, null, 2));
  execFileSync('npm', ['pack', '--silent', '--pack-destination', directory], { cwd: stage });
  rmSync(stage, { recursive: true });
}

/** The file that `npm pack` creates for a package. */
function archive(name) {
  return path.join(directory, `${name.replace('@', '').replace('/', '-')}-${version}.tgz`);
}

function nativeManifest({ os, cpu, libc }) {
  const manifest = {
    name: packageName({ os, cpu, libc }),
    version,
    license,
    author,
    homepage,
    repository,
    bugs,
    description: `Native half of castalia for ${[os, cpu, libc].filter(Boolean).join(' ')}`,
    engines: own.engines,
    main: './castalia.node',
    os: [os],
    cpu: [cpu],
  };
  return libc ? { ...manifest, libc: [libc === 'gnu' ? 'glibc' : libc] } : manifest;
}

function manifestOfPackage() {
  const built = PLATFORMS.map(packageName).filter((name) => existsSync(archive(name)));
  const manifest = { ...own, optionalDependencies: Object.fromEntries(built.map((name) => [name, version])) };
  // The published package contains none of the files that these scripts need.
  delete manifest.scripts;
  delete manifest.devDependencies;
  return manifest;
}

mkdirSync(directory, { recursive: true });
const platform = platformOfThisProcess();
const notices = path.join(directory, 'castalia-client-third-party.txt');
pack(nativeManifest({ ...platform, libc: libc ?? platform.libc }), {
  'castalia.node': native,
  ...(existsSync(notices) && { 'THIRD-PARTY.txt': notices }),
});
if (!libc) {
  const files = [...own.files, 'README.md'].map((name) => [name, path.join(here, name)]);
  pack(manifestOfPackage(), Object.fromEntries(files));
}
