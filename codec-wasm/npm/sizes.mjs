// How large is what a page downloads? Raw, gzip and brotli sizes, held against a limit.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { build } from 'esbuild';

/** What the module and wasm-bindgen's minified glue together shall come down to, in bytes of brotli. Not reached yet. */
export const GOAL_BROTLI = 15_000;

/** What they must not exceed: a little more than they are, so that growth is noticed. */
export const LIMIT_BROTLI = 17_000;

/** The sizes of `bytes` in bytes. */
export function sizes(bytes) {
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes, { params }).length };
}

/** The sizes of the module, of its minified glue, and of all minified code with `connect` and the channel names. */
export async function packageSizes(dist, name) {
  const bundled = async (entry) => {
    const options = { bundle: true, minify: true, format: 'esm', write: false, legalComments: 'none' };
    const { outputFiles } = await build({ ...options, entryPoints: [join(dist, entry)] });
    return sizes(outputFiles[0].contents);
  };
  return {
    wasm: sizes(readFileSync(join(dist, `${name}_bg.wasm`))),
    glue: await bundled(`${name}.js`),
    code: await bundled('index.js'),
  };
}

/** Prints the sizes; false if they are over the limit. */
export async function report(dist, name) {
  const all = await packageSizes(dist, name);
  const line = (what, { raw, gzip, brotli }) =>
    console.log(`${what.padEnd(34)}${[raw, gzip, brotli].map((n) => String(n).padStart(9)).join('')}`);
  console.log(`${'bytes'.padEnd(34)}${['raw', 'gzip', 'brotli'].map((head) => head.padStart(9)).join('')}`);
  line('codec as WebAssembly', all.wasm);
  line('its glue, minified', all.glue);
  line('all code, minified, glue included', all.code);
  const total = all.wasm.brotli + all.glue.brotli;
  console.log(`module and glue: ${total} bytes of brotli; goal ${GOAL_BROTLI}, limit ${LIMIT_BROTLI}`);
  if (total <= LIMIT_BROTLI) return true;
  console.error(
    `build: module and glue are ${total - LIMIT_BROTLI} bytes of brotli over the limit of ${LIMIT_BROTLI}; ` +
      'see which functions grew (twiggy top), or argue for another limit in codec-wasm/npm/sizes.mjs',
  );
  return false;
}
