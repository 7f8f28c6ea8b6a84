// Does the packed tarball work where people install it? A real `npm install` in fresh folders, then Node, bundlers,
// a worker, a plain page in Chromium, strict TypeScript, and the linters of packages.

import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { chromium } from 'playwright-core';

import { build as bundle } from '../npm/node_modules/esbuild/lib/main.js';
import { startBridge } from './bridge.mjs';
import { send } from './feeds.mjs';
import { records, VECTORS } from './recording.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const tarball = fileURLToPath(new URL('../purple-sector-codec.tgz', import.meta.url));
const recording = join(VECTORS, 'fixed.bin');
const CHROMIUM = process.env.PURPLE_SECTOR_CHROMIUM ?? '/usr/bin/chromium';
const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const TYPES = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.wasm': 'application/wasm' };

const run = promisify(execFile);
let folder;
let browser;
let expected;

before(async () => {
  assert.ok(existsSync(tarball), 'no package yet: run `cargo xtask wasm`');
  folder = await mkdtemp(join(tmpdir(), 'purple-sector-consumers-'));
  browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
  expected = JSON.parse((await run('node', ['app.mjs'], { cwd: await project('node', ['.']) })).stdout);
  assert.ok(expected.samples > 0 && Number.isFinite(expected.sum));
});

after(async () => {
  await browser?.close();
  if (folder) await rm(folder, { recursive: true, force: true });
});

/** A fresh folder with the files of a consumer, its pinned tools, and the tarball installed. */
async function project(name, sharedInto, from = join(here, 'consumers', name)) {
  const at = join(folder, name);
  await cp(from, at, { recursive: true, filter: (file) => !file.includes('node_modules') });
  for (const into of sharedInto) await cp(join(here, 'consumers/shared'), join(at, into), { recursive: true });
  await cp(recording, join(at, 'recording.bin'));
  if (existsSync(join(at, 'package-lock.json'))) await run('npm', ['ci', '--no-audit', '--no-fund', '--prefer-offline'], { cwd: at });
  await run('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--prefer-offline', tarball], { cwd: at });
  return at;
}

/** Serves the files of `root`, the recording among them. */
async function serve(root) {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url, 'http://h').pathname);
    const file = path === '/recording.bin' ? recording : join(root, path === '/' ? 'index.html' : path);
    const type = TYPES[extname(file)] ?? 'application/octet-stream';
    createReadStream(file)
      .on('open', () => response.writeHead(200, { 'content-type': type }))
      .on('error', () => response.writeHead(404).end())
      .pipe(response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${server.address().port}/`, stop: () => server.close() };
}

/** Opens the page until `isDone` holds in it, which must happen without an error, and runs `check` with it. */
async function openPage(url, isDone, check) {
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && !message.location().url.endsWith('favicon.ico') && errors.push(message.text()));
  await page.goto(url);
  await page.waitForFunction(isDone, null, { timeout: 20_000 }).catch((error) => errors.push(String(error)));
  assert.deepEqual(errors, []);
  await check(page);
  await page.close();
}

/** Opens the page and compares what it and its worker decoded with what Node did. */
async function checkPage(url) {
  const hasShown = () => document.title.startsWith('{');
  await openPage(url, hasShown, async (page) => assert.deepEqual(JSON.parse(await page.title()), { page: expected, worker: expected }));
}

/** Runs a bundler's command, which prints warnings and errors only: it must print no more than `expected`. */
async function runWithoutWarning(file, args, at, expected = '') {
  const { stdout, stderr } = await run('node', [join(at, 'node_modules', file), ...args], { cwd: at, env: { ...process.env, NO_COLOR: '1' } });
  assert.equal(stdout + stderr, expected, `${file} warns`);
}

async function checkServed(root) {
  await withServer(root, checkPage);
}

async function withServer(root, body) {
  const { url, stop } = await serve(root);
  try {
    await body(url);
  } finally {
    stop();
  }
}

/** Runs `body` with the address of Vite's development server. */
async function withVite(at, body) {
  const vite = join(at, 'node_modules/vite/bin/vite.js');
  const server = spawn('node', [vite, '--host', '127.0.0.1', '--port', '0', '--clearScreen', 'false'], { cwd: at, env: { ...process.env, NO_COLOR: '1' } });
  try {
    let printed = '';
    const url = await new Promise((resolve, reject) => {
      server.stdout.on('data', (text) => {
        printed += text;
        const found = /http:\/\/127\.0\.0\.1:\d+\//.exec(printed);
        if (found) resolve(found[0]);
      });
      server.on('exit', () => reject(new Error(`vite ended: ${printed}`)));
    });
    await body(url);
  } finally {
    server.kill();
  }
}

/** Installs the example of this name and runs `body` with it and a bridge that has ten seconds of a drive to tell. */
async function withExample(name, body) {
  const at = await project(`example-${name}`, [], fileURLToPath(new URL(`../examples/${name}`, import.meta.url)));
  const drive = ['run', '--quiet', '--package', 'purple-sector-codec-wasm', '--example', 'drive'];
  const { stdout } = await run('cargo', drive, { cwd: here, encoding: 'buffer', maxBuffer: 1 << 20 });
  await writeFile(join(folder, 'drive.bin'), stdout);
  const found = records(join(folder, 'drive.bin'));
  const bridge = await startBridge({ onViewer: (viewer) => send(viewer, found) });
  try {
    await body(at, bridge);
  } finally {
    await bridge.stop();
  }
}

/** Opens the page with the bridge's address until `#speed` says how fast the drive ended. */
async function openExample(url, bridge, check) {
  const hasArrived = () => document.querySelector('#speed')?.textContent === '59.9';
  await openPage(`${url}?bridge=${encodeURIComponent(bridge.url)}`, hasArrived, check);
}

test('Node: an ES module', () => {
  // It ran in `before`; the others compare with it.
  assert.ok(expected.samples > 0);
});

test('the first example of the README, as it stands there', async () => {
  const at = join(folder, 'node');
  const readme = await readFile(join(at, 'node_modules/purple-sector-codec/README.md'), 'utf8');
  const [, example] = /```js\n(.*?)```/s.exec(readme);
  assert.ok(example.trim().split('\n').length <= 10, 'ten lines at most');
  const bridge = await startBridge({ onViewer: (viewer) => send(viewer, records(recording)) });
  try {
    const ws = new URL('./node_modules/ws/wrapper.mjs', import.meta.url);
    const before = `globalThis.WebSocket = (await import('${ws}')).WebSocket;\nconst fetchMyToken = () => 'a.b.c';\n`;
    const after = `feed.on('state', ({ state }) => state === 'ended' && feed.close());\n`;
    await writeFile(join(at, 'readme.mjs'), before + example.replace('wss://bridge.example/v1/stream', bridge.url) + after);
    const { stdout } = await run('node', ['readme.mjs'], { cwd: at, timeout: 20_000 });
    assert.match(stdout, /^connecting\s+waiting\s+live\s+golden-1 1764000000000000 /);
    assert.match(stdout, /ended\s*$/);
  } finally {
    await bridge.stop();
  }
});

test('a plain page with a module script and a module worker, under a strict CSP', async () => {
  await checkServed(await project('plain', ['.']));
});

test('Vite: built, and served by its development server', async () => {
  const at = await project('vite', ['.']);
  await runWithoutWarning('vite/bin/vite.js', ['build', '--logLevel', 'warn'], at);
  await checkServed(join(at, 'dist'));
  await withVite(at, checkPage);
});

test('webpack 5, without a configuration', async () => {
  const at = await project('webpack', ['src']);
  await runWithoutWarning('webpack/bin/webpack.js', ['--mode', 'production', '--stats', 'errors-warnings'], at, 'webpack compiled successfully\n');
  await cp(join(at, 'index.html'), join(at, 'dist/index.html'));
  await checkServed(join(at, 'dist'));
});

test('esbuild: bundled without a warning; the module is copied to where the bundle is', async () => {
  const at = await project('esbuild', ['.'], join(here, 'consumers/vite'));
  const options = { bundle: true, minify: true, format: 'esm', outdir: 'dist', absWorkingDir: at, logLevel: 'silent' };
  const { warnings } = await bundle({ ...options, entryPoints: ['main.js', 'worker.js'] });
  assert.deepEqual(warnings.map(({ text }) => text), []);
  const dist = join(at, 'node_modules/purple-sector-codec/dist');
  const [module] = (await readdir(dist)).filter((name) => name.endsWith('.wasm'));
  for (const [from, to] of [[join(dist, module), module], [join(at, 'index.html'), 'index.html']]) await cp(from, join(at, 'dist', to));
  await checkServed(join(at, 'dist'));
});

test('the example for a plain page: a history drawn by uPlot', async () => {
  await withExample('plain', (at, bridge) =>
    withServer(at, (url) =>
      openExample(url, bridge, async (page) => {
        assert.equal(await page.textContent('#status'), 'ended');
        const green = () => {
          const canvas = document.querySelector('canvas');
          const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
          return data.filter((_, at) => at % 4 === 1 && data[at] > 100 && data[at - 1] < 60 && data[at + 1] < 60 && data[at + 2] > 100).length;
        };
        assert.ok((await page.evaluate(green)) > 100, 'the throttle’s line is there');
      }),
    ),
  );
});

test('the example for React in StrictMode: one connection for a page that mounts twice', async () => {
  await withExample('react', async (at, bridge) => {
    await withVite(at, (url) =>
      openExample(url, bridge, async (page) => {
        assert.equal(await page.textContent('[role=status]'), 'ended');
        assert.deepEqual([await page.textContent('li'), await page.textContent('#gear')], ['straight (over)', '6']);
        assert.equal(bridge.requests.length, 1);
      }),
    );
    await runWithoutWarning('vite/bin/vite.js', ['build', '--logLevel', 'warn'], at);
    await withServer(join(at, 'dist'), (url) => openExample(url, bridge, () => assert.equal(bridge.requests.length, 2)));
  });
});

test('the example for Node: a session as CSV', async () => {
  await withExample('node-csv', async (at, bridge) => {
    const { stdout, stderr } = await run('node', ['to-csv.mjs', bridge.url], { cwd: at, timeout: 20_000, maxBuffer: 1 << 20 });
    const [head, ...rows] = stdout.trimEnd().split('\n');
    assert.equal(head, 'session,capturedAtUs,speedMps,throttle,brake,gear');
    assert.equal(rows.length, 600);
    const [session, capturedAtUs, speed, throttle, brake, gear] = rows.at(-1).split(',');
    assert.deepEqual([session, capturedAtUs, throttle, brake, gear], ['straight', String(1_764_000_000_000_000 + 599 * 16_667), '1', '0', '6']);
    assert.ok(Math.abs(speed - 59.9) <= 0.01, speed);
    assert.match(stderr, /to-csv: live\nto-csv: ended\n/);
  });
});

test('strict TypeScript, by both ways of finding packages', async () => {
  const at = await project('types', []);
  const tsc = fileURLToPath(new URL('../npm/node_modules/typescript/bin/tsc', import.meta.url));
  for (const [module, resolution, lib] of [['esnext', 'bundler', 'es2022,dom'], ['nodenext', 'nodenext', 'es2022,dom'], ['esnext', 'bundler', 'esnext,dom']]) {
    const options = ['--strict', '--noEmit', '--target', 'es2022', '--lib', lib, '--module', module, '--moduleResolution', resolution];
    const { stdout } = await run('node', [tsc, ...options, 'main.ts'], { cwd: at }).catch((error) => error);
    assert.equal(stdout, '', `${resolution}, ${lib}: ${stdout}`);
  }
});

test('declarations and classes have what is documented, and nothing of the inside', async () => {
  const dist = fileURLToPath(new URL('../pkg/dist/', import.meta.url));
  const declarations = (await readdir(dist, { recursive: true })).filter((name) => name.endsWith('.d.ts'));
  assert.ok(declarations.length > 20, 'the declarations are there');
  for (const name of declarations) assert.doesNotMatch(await readFile(join(dist, name), 'utf8'), /@internal/, name);
  // The constructor is for `connect` alone.
  assert.doesNotMatch(await readFile(join(dist, 'feed/feed.d.ts'), 'utf8'), /^    constructor\(/m);

  const { Decoder, Feed, ...others } = await import('../pkg/dist/index.js');
  assert.equal(Feed, undefined, 'a type, not a class to make feeds with');
  assert.deepEqual(Object.keys(others).sort(), ['ABSENT', 'CodecError', 'History', 'connect', 'init']);
  const faceOf = (Class) => Object.getOwnPropertyNames(Class.prototype).sort();
  assert.deepEqual(faceOf(Decoder), ['capturedAtUs', 'columns', 'constructor', 'events', 'facts', 'free', 'latest', 'push', 'schema']);
  const declared = await readFile(join(dist, 'decoder.d.ts'), 'utf8');
  const names = [...declared.matchAll(/^    (?:get )?(\w+)\(/gm)].map(([, name]) => name);
  assert.deepEqual([...names, 'constructor'].sort(), faceOf(Decoder), 'each is declared');
});

test('publint and are-the-types-wrong find nothing', async () => {
  const tool = (path) => join(here, 'node_modules', path);
  const lint = await run('node', [tool('publint/src/cli.js'), 'run', tarball, '--strict']).catch((error) => error);
  assert.ok(!lint.code, lint.stdout + lint.stderr);
  const types = await run('node', [tool('@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only', '--no-emoji']).catch((error) => error);
  assert.ok(!types.code, types.stdout + types.stderr);
});
