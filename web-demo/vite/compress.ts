// How do the page's files get small? Once, when the page is built: next to `name` it writes `name.br`, which the bridge sends to
// browsers that accept brotli.

import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { brotliCompress, constants } from 'node:zlib';

import type { Plugin } from 'vite';

/** What compresses well. Fonts and pictures are compressed already. */
const COMPRESSIBLE = /\.(html|js|css|svg|json|txt|wasm)$/;

/** Compresses the files below `folder` that get smaller by it; returns their paths, sorted. */
export async function compressFiles(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile() && COMPRESSIBLE.test(entry.name)).map((entry) => join(entry.parentPath, entry.name));
  const made = await Promise.all(paths.map(async (path) => ((await compressFile(path)) ? path : null)));
  return made.filter((path) => path !== null).sort();
}

async function compressFile(path: string): Promise<boolean> {
  const bytes = await readFile(path);
  const params = { [constants.BROTLI_PARAM_QUALITY]: constants.BROTLI_MAX_QUALITY, [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  const compressed = await promisify(brotliCompress)(bytes, { params });
  if (compressed.length >= bytes.length) return false;
  await writeFile(`${path}.br`, compressed);
  return true;
}

/** Compresses what a build has written. */
export function compression(): Plugin {
  let folder = '';
  return {
    name: 'compression',
    apply: 'build',
    configResolved: (config) => void (folder = join(config.root, config.build.outDir)),
    closeBundle: async () => {
      const made = await compressFiles(folder);
      console.log(`compressed ${made.length} files with brotli`);
    },
  };
}
