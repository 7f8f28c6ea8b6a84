import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

import { afterEach, expect, it } from 'vitest';

import { compressFiles } from './compress';

const folder = mkdtempSync(join(tmpdir(), 'compress-'));
afterEach(() => rmSync(folder, { recursive: true }));

it('compresses what gets smaller by it, in all folders, and nothing else', async () => {
  const text = 'purple sector '.repeat(100);
  mkdirSync(join(folder, 'assets'));
  for (const name of ['index.html', 'assets/a.js', 'assets/b.wasm', 'assets/c.woff2']) writeFileSync(join(folder, name), text);
  writeFileSync(join(folder, 'assets/tiny.js'), '1');
  expect(await compressFiles(folder)).toEqual(['assets/a.js', 'assets/b.wasm', 'index.html'].map((name) => join(folder, name)));
  expect(readdirSync(join(folder, 'assets')).sort()).toEqual(['a.js', 'a.js.br', 'b.wasm', 'b.wasm.br', 'c.woff2', 'tiny.js']);
  expect(brotliDecompressSync(readFileSync(join(folder, 'assets/a.js.br'))).toString()).toBe(text);
});
