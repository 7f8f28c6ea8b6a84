// How do all tests of the package run? `npm test` here, or this file from anywhere, after `cargo xtask wasm`.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
if (!existsSync(`${here}../pkg/package.json`)) {
  console.error('codec-wasm tests: no package yet; run `cargo xtask wasm` first');
  process.exit(2);
}
if (!existsSync(`${here}node_modules`)) {
  console.error('codec-wasm tests: run `npm ci` in codec-wasm/tests first');
  process.exit(2);
}
const files = readdirSync(here).filter((name) => name.endsWith('.test.mjs'));
const { status } = spawnSync(process.execPath, ['--test', '--test-reporter', 'spec', ...files], { cwd: here, stdio: 'inherit' });
process.exit(status ?? 1);
