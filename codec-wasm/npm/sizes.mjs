// How large is what a page downloads? Raw, gzip and brotli sizes, held against a limit.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

import { build } from 'esbuild';

/** What the module and wasm-bindgen's minified glue together must not exceed, in bytes of brotli. */
export const LIMIT_BROTLI = 19_500;

/** What a page downloads that bundles `init` and `Decoder` and nothing else: the module and all JavaScript. */
export const DECODING_LIMIT_BROTLI = 23_000;

/** The sizes of `bytes` in bytes. */
export function sizes(bytes) {
  const params = { [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length };
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes, { params }).length };
}

/**
 * The sizes of the module, of its minified glue, of all minified code of a page that only decodes, and of all code with
 * `connect` and the channel names. The glue is in both.
 */
export async function packageSizes(dist, name) {
  const bundled = async (contents) => {
    const options = { bundle: true, minify: true, format: 'esm', write: false, legalComments: 'none' };
    const { outputFiles } = await build({ ...options, stdin: { contents, resolveDir: dist } });
    return sizes(outputFiles[0].contents);
  };
  return {
    wasm: sizes(readFileSync(join(dist, `${name}_bg.wasm`))),
    glue: await bundled(`export * from './${name}.js'; export { default } from './${name}.js';`),
    decoding: await bundled(`export { init, Decoder } from './index.js';`),
    code: await bundled(`export * from './index.js';`),
  };
}

/** The sizes that are held against limits, in bytes of brotli. */
export function limits({ wasm, glue, decoding }) {
  return [
    { what: 'module and glue', size: wasm.brotli + glue.brotli, limit: LIMIT_BROTLI },
    { what: 'a page that only decodes, module and all code', size: wasm.brotli + decoding.brotli, limit: DECODING_LIMIT_BROTLI },
  ];
}

/** Prints the sizes; false if one is over its limit. */
export async function report(dist, name) {
  const all = await packageSizes(dist, name);
  const line = (what, { raw, gzip, brotli }) =>
    console.log(`${what.padEnd(34)}${[raw, gzip, brotli].map((n) => String(n).padStart(9)).join('')}`);
  console.log(`${'bytes'.padEnd(34)}${['raw', 'gzip', 'brotli'].map((head) => head.padStart(9)).join('')}`);
  line('codec as WebAssembly', all.wasm);
  line('its glue, minified', all.glue);
  line('code that only decodes, minified', all.decoding);
  line('all code, minified, glue included', all.code);
  let holds = true;
  for (const { what, size, limit } of limits(all)) {
    console.log(`${what}: ${size} bytes of brotli, limit ${limit}`);
    if (size <= limit) continue;
    holds = false;
    console.error(
      `build: ${what}: ${size - limit} bytes of brotli over the limit of ${limit}; ` +
        'see which functions grew (twiggy top), or argue for another limit in codec-wasm/npm/sizes.mjs',
    );
  }
  return holds;
}
