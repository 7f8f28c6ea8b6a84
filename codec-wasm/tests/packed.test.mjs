// Does the packed tarball work where people install it? A real `npm install` in fresh folders, then Node, bundlers,
// a worker, a plain page in Chromium, strict TypeScript, and the linters of packages.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createReadStream, existsSync } from 'node:fs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

import { chromium } from 'playwright-core';

import { data, startBridge } from './bridge.mjs';
import { records } from './recording.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const tarball = fileURLToPath(new URL('../purple-sector-codec.tgz', import.meta.url));
const recording = fileURLToPath(new URL('../../codec/vectors/v1/fixed.bin', import.meta.url));
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

/** Opens the page and compares what it and its worker decoded with what Node did. */
async function checkPage(url) {
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && !message.location().url.endsWith('favicon.ico') && errors.push(message.text()));
  await page.goto(url);
  await page.waitForFunction(() => document.title.startsWith('{'), null, { timeout: 20_000 }).catch(() => {});
  assert.deepEqual(errors, []);
  assert.deepEqual(JSON.parse(await page.title()), { page: expected, worker: expected });
  await page.close();
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
  const bridge = await startBridge({ onViewer: (viewer) => found.forEach((record, offset) => viewer.send(data(record, { offset }))) });
  try {
    await body(at, bridge);
  } finally {
    await bridge.stop();
  }
}

/** Opens the page with the bridge's address until `#speed` says how fast the drive ended, and no error came. */
async function openExample(url, bridge, check) {
  const page = await browser.newPage();
  const errors = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && !message.location().url.endsWith('favicon.ico') && errors.push(message.text()));
  await page.goto(`${url}?bridge=${encodeURIComponent(bridge.url)}`);
  await page.waitForFunction(() => document.querySelector('#speed')?.textContent === '59.9', null, { timeout: 20_000 }).catch((error) => errors.push(String(error)));
  assert.deepEqual(errors, []);
  await check(page);
  await page.close();
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
  const onViewer = (viewer) => records(recording).forEach((record, offset) => viewer.send(data(record, { offset })));
  const bridge = await startBridge({ onViewer });
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
  const vite = join(at, 'node_modules/vite/bin/vite.js');
  await run('node', [vite, 'build', '--logLevel', 'warn'], { cwd: at });
  await checkServed(join(at, 'dist'));
  await withVite(at, checkPage);
});

test('webpack 5, without a configuration', async () => {
  const at = await project('webpack', ['src']);
  await run('node', [join(at, 'node_modules/webpack/bin/webpack.js'), '--mode', 'production'], { cwd: at });
  await cp(join(at, 'index.html'), join(at, 'dist/index.html'));
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
    await run('node', [join(at, 'node_modules/vite/bin/vite.js'), 'build', '--logLevel', 'warn'], { cwd: at });
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

test('publint and are-the-types-wrong have nothing to say', async () => {
  const tool = (path) => join(here, 'node_modules', path);
  const lint = await run('node', [tool('publint/src/cli.js'), 'run', tarball, '--strict']).catch((error) => error);
  assert.ok(!lint.code, lint.stdout + lint.stderr);
  const types = await run('node', [tool('@arethetypeswrong/cli/dist/index.js'), tarball, '--profile', 'esm-only', '--no-emoji']).catch((error) => error);
  assert.ok(!types.code, types.stdout + types.stderr);
});
