// How does wasm-pack's output become the npm package? `node codec-wasm/npm/build.mjs FOLDER` puts it together in
// codec-wasm/pkg, checks its size and packs it. `cargo xtask wasm` runs this; FOLDER is what wasm-pack made.

import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { report } from './sizes.mjs';

const npm = dirname(fileURLToPath(import.meta.url));
const crate = dirname(npm);
const workspace = dirname(crate);
const pkg = join(crate, 'pkg');
const dist = join(pkg, 'dist');
const build = join(npm, 'build');
const compiled = join(npm, 'out');
const NAME = 'purple_sector_codec_wasm';

const made = process.argv[2] && resolve(process.argv[2]);
if (!made || !existsSync(join(made, `${NAME}_bg.wasm`))) {
  console.error('build: give the folder with wasm-pack’s output: node codec-wasm/npm/build.mjs FOLDER');
  process.exit(2);
}

const run = (program, args, cwd) => execFileSync(program, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

// The TypeScript is compiled with wasm-pack's declarations and with what follows from Rust, away from the sources.
for (const old of [build, compiled]) rmSync(old, { recursive: true, force: true });
cpSync(join(npm, 'src'), build, { recursive: true });
// `Symbol.dispose` is not in the libraries that pages are compiled with, and their compilers read this file.
const glueTypes = readFileSync(join(made, `${NAME}.d.ts`), 'utf8').replace(/^\s*\[Symbol\.dispose\]\(\): void;\n/gm, '');
writeFileSync(join(build, `${NAME}.d.ts`), glueTypes);
run('cargo', ['run', '--quiet', '--package', 'purple-sector-npm-sources', '--', build], workspace);
try {
  run('node', [join(npm, 'node_modules/typescript/bin/tsc'), '--project', npm], npm);
} catch (error) {
  console.error(error.stdout);
  console.error('build: the TypeScript does not compile');
  process.exit(1);
}

// Only now, so that a build that fails leaves the last package in place.
rmSync(pkg, { recursive: true, force: true });
mkdirSync(pkg, { recursive: true });
cpSync(compiled, dist, { recursive: true });
for (const name of [`${NAME}.js`, `${NAME}_bg.wasm`, `${NAME}_bg.wasm.d.ts`]) copyFileSync(join(made, name), join(dist, name));
writeFileSync(join(dist, `${NAME}.d.ts`), glueTypes);
for (const name of ['LICENSE-MIT', 'LICENSE-APACHE']) copyFileSync(join(workspace, name), join(pkg, name));
copyFileSync(join(npm, 'published/README.md'), join(pkg, 'README.md'));
const [, version] = /^\[workspace\.package\][^[]*?^version = "([^"]+)"/ms.exec(readFileSync(join(workspace, 'Cargo.toml'), 'utf8'));
const { name, ...rest } = JSON.parse(readFileSync(join(npm, 'published/package.json'), 'utf8'));
writeFileSync(join(pkg, 'package.json'), `${JSON.stringify({ name, version, ...rest }, null, 2)}\n`);

for (const old of readdirSync(crate).filter((file) => file.endsWith('.tgz'))) rmSync(join(crate, old));
const [{ filename }] = Object.values(JSON.parse(run('npm', ['pack', '--json', '--pack-destination', crate], pkg)));
copyFileSync(join(crate, filename), join(crate, 'purple-sector-codec.tgz'));
console.log(`packed codec-wasm/${filename}`);

process.exit((await report(dist, NAME)) ? 0 : 1);
