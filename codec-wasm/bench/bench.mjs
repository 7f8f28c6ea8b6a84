// How fast is the package, compared with what people use instead? In one process, on the same samples, best of five starts.
// `cargo xtask bench wasm` runs this; it writes target/bench/wasm.json and prints a table and the budgets.

import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const bench = fileURLToPath(new URL('.', import.meta.url));
const workspace = join(bench, '../..');
const output = join(workspace, 'target/bench');
const inputs = join(output, 'inputs');

const STARTS = 5;
const BLOCKS = [1, 2, 6, 12, 60];
/** Where the budgets are measured. */
const REFERENCE = { trace: 'reference-60hz', block: 6 };
/** What the collector sends unless it is told otherwise. */
const DEFAULT_BLOCK = 2;

const { values: options } = parseArgs({
  options: {
    trace: { type: 'string', multiple: true, default: [] },
    only: { type: 'string', multiple: true, default: [] },
    starts: { type: 'string', default: String(STARTS) },
    'check-budgets': { type: 'boolean', default: false },
  },
});

const run = (program, args) => execFileSync(program, args, { cwd: workspace, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });

run('cargo', ['build', '--release', '--locked', '--quiet', '--package', 'purple-sector-codec-bench']);
const native = join(process.env.CARGO_TARGET_DIR ?? join(workspace, 'target'), 'release/purple-sector-codec-bench');
const chosen = [...options.trace.flatMap((file) => ['--trace', file]), ...options.only.flatMap((name) => ['--only', name])];
rmSync(inputs, { recursive: true, force: true });
run(native, ['--emit', inputs, ...chosen]);

// Native runs before, between and after the starts, so that a busy machine is busy for both.
const nativeFigures = [];
function measureNative() {
  const out = join(output, 'native.json');
  run(native, ['--only', REFERENCE.trace, '--passes', '3', '--out', out]);
  nativeFigures.push(...JSON.parse(readFileSync(out, 'utf8')));
}

const traces = readdirSync(inputs);
const best = new Map();
const starts = Number(options.starts);
for (let start = 0; start < starts; start++) {
  if (traces.includes(REFERENCE.trace) && start % 2 === 0) measureNative();
  for (const trace of traces) {
    for (const block of BLOCKS) {
      process.stderr.write(`\rstart ${start + 1} of ${starts}: ${trace}, ${block} samples per block          `);
      const figures = JSON.parse(run(process.execPath, [join(bench, 'child.mjs'), join(inputs, trace), String(block)]));
      for (const { name, metric, value } of figures) {
        const key = JSON.stringify([name, trace, block, metric]);
        best.set(key, Math.min(best.get(key) ?? Infinity, value));
      }
    }
  }
}
process.stderr.write('\r\x1b[K');

const { limits, packageSizes } = await import('../npm/sizes.mjs');
const sizes = await packageSizes(join(workspace, 'codec-wasm/pkg/dist'), 'purple_sector_codec_wasm');
const figures = [...best].map(([key, value]) => {
  const [name, trace, samples_per_block, metric] = JSON.parse(key);
  return { name, trace, samples_per_block, metric, unit: metric === 'bytes_per_sample' ? 'B' : 'ns', value };
});
for (const form of ['raw', 'gzip', 'brotli']) {
  const size = { trace: '', samples_per_block: 0, metric: `wasm_bytes_${form}`, unit: 'B' };
  figures.push({ name: 'purple-sector', ...size, value: sizes.wasm[form] });
  figures.push({ name: 'purple-sector-with-glue', ...size, value: sizes.wasm[form] + sizes.glue[form] });
  figures.push({ name: 'purple-sector-decoding-page', ...size, value: sizes.wasm[form] + sizes.decoding[form] });
}

const names = [...new Set(figures.filter(({ samples_per_block }) => samples_per_block > 0).map(({ name }) => name))];
const at = (list, name, trace, block, metric) =>
  list
    .filter((f) => f.name === name && f.trace === trace && f.samples_per_block === block && f.metric === metric)
    .reduce((least, { value }) => Math.min(least, value), Infinity);
for (const trace of traces) {
  console.log(`\n${trace}: ns per sample by samples per block, best of ${starts} starts (B per sample at ${REFERENCE.block})`);
  for (const name of names) {
    const times = BLOCKS.map((block) => at(figures, name, trace, block, 'decode_ns_per_sample').toFixed(0).padStart(8));
    const bytes = at(figures, name, trace, REFERENCE.block, 'bytes_per_sample').toFixed(1).padStart(9);
    console.log(`  ${name.padEnd(26)}${times.join('')}${bytes}`);
  }
}

if (traces.includes(REFERENCE.trace)) {
  const blocks = [DEFAULT_BLOCK, REFERENCE.block];
  console.log(`\n${REFERENCE.trace}: times as fast as JSON.parse and as protobufjs, by samples per block`);
  console.log(`  ${''.padEnd(26)}${blocks.map((block) => String(block).padStart(16)).join('')}`);
  for (const [what, suffix] of [['decoded', ''], ['decoded, every value read', '-read-all']]) {
    const columns = blocks.map((block) => {
      const times = ['json-parse', 'protobufjs'].map((other) => timesAsFast(other + suffix, `purple-sector${suffix}`, block));
      return times.map((value) => `${value.toFixed(1)}x`.padStart(8)).join('');
    });
    console.log(`  ${what.padEnd(26)}${columns.join('')}`);
  }
}

/** How many times as fast as `other` is `ours` on the reference trace? */
function timesAsFast(other, ours, block) {
  const here = (name) => at(figures, name, REFERENCE.trace, block, 'decode_ns_per_sample');
  return here(other) / here(ours);
}

const broken = [];
function checkBudget(what, value, limit, atMost) {
  const holds = atMost ? value <= limit : value >= limit;
  if (!holds) broken.push(what);
  console.log(`${holds ? 'holds ' : 'BROKEN'}  ${what}: ${value.toFixed(value < 100 ? 2 : 0)}, budget ${atMost ? '≤' : '≥'} ${limit}`);
}
console.log('\nbudgets');
if (traces.includes(REFERENCE.trace)) {
  const ours = at(figures, 'purple-sector', REFERENCE.trace, REFERENCE.block, 'decode_ns_per_sample');
  const nativeNs = at(nativeFigures, 'purple-sector', REFERENCE.trace, REFERENCE.block, 'message_decode_ns_per_sample');
  checkBudget('times as fast as JSON.parse, 6 samples per block', timesAsFast('json-parse', 'purple-sector', REFERENCE.block), 26, false);
  checkBudget('times as fast as protobufjs, 6 samples per block', timesAsFast('protobufjs', 'purple-sector', REFERENCE.block), 12.5, false);
  checkBudget('times as fast as JSON.parse, 2 samples per block', timesAsFast('json-parse', 'purple-sector', DEFAULT_BLOCK), 14, false);
  if (Number.isFinite(nativeNs)) {
    figures.push({ name: 'native', ...{ trace: REFERENCE.trace, samples_per_block: REFERENCE.block }, metric: 'decode_ns_per_sample', unit: 'ns', value: nativeNs });
    checkBudget('times the native decode time', ours / nativeNs, 1.2, true);
  }
}
for (const { what, size, limit } of limits(sizes)) checkBudget(`kB of brotli, ${what}`, size / 1000, limit / 1000, true);

mkdirSync(output, { recursive: true });
writeFileSync(join(output, 'wasm.json'), `${JSON.stringify(figures, null, 2)}\n`);
console.log(`\n${basename(output)}/wasm.json holds all figures`);
process.exit(options['check-budgets'] && broken.length > 0 ? 1 : 0);
