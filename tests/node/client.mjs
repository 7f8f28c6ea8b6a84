// A viewer as a frontend would write it: connects with the npm package and writes down what it decoded.
//
//   node client.mjs --url ws://127.0.0.1:8080/v1/stream [--token JWT] [--session ID] [--samples N] [--seconds S] [--out FILE] [--latency]
//
// Standard output: one JSON object per line ({"type":"state"|"schema"|"samples"|"gap"|"facts"|"event"|"error"|"done", …}).
// FILE: per sample and session, little-endian: f64 capturedAtUs, then every channel in schema order as 32 bits (f32 or i32).
// --latency: capturedAtUs is CLOCK_MONOTONIC in µs, as the pipeline bench sends it; prints the delay of each block's last sample.

import { createWriteStream } from 'node:fs';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { connect, init } from 'purple-sector-codec';

const { values: options } = parseArgs({
  options: {
    url: { type: 'string' },
    token: { type: 'string' },
    session: { type: 'string' },
    samples: { type: 'string', default: '0' },
    seconds: { type: 'string', default: '60' },
    out: { type: 'string' },
    latency: { type: 'boolean', default: false },
  },
});
if (!options.url) {
  console.error('client.mjs: --url is missing');
  process.exit(2);
}

const say = (type, fields = {}) => console.log(JSON.stringify({ type, ...fields }));
const wanted = Number(options.samples);
const file = options.out ? createWriteStream(options.out) : null;
let received = 0;

await init();
const origin = new URL(options.url);
origin.protocol = origin.protocol.replace('ws', 'http');
// Browsers send the page's origin by themselves; a Node program says that it belongs to the bridge's own page.
class PageSocket extends WebSocket {
  constructor(url, protocols) {
    super(url, protocols, { origin: origin.origin, perMessageDeflate: false });
  }
}
const feed = connect(options.url, {
  ...(options.token ? { token: options.token } : {}),
  ...(options.session ? { session: options.session } : {}),
  WebSocket: PageSocket,
});

const finish = (why, code) => {
  feed.close();
  say('done', { why, received, stats: feed.stats });
  if (file) file.end(() => process.exit(code));
  else process.exit(code);
};

feed.on('state', (state) => say('state', { state }));
feed.on('facts', (facts) => say('facts', { facts }));
feed.on('event', (event) => say('event', { event }));
feed.on('gap', (gap) => say('gap', { gap }));
feed.on('error', (error) => say('error', { code: error.code, message: error.message }));
feed.on('schema', (schema) => say('schema', { session: schema.session, channels: schema.channels.map((channel) => channel.name) }));
feed.on('samples', (samples) => {
  const at = options.latency ? Number(process.hrtime.bigint()) / 1000 : 0;
  if (options.latency) {
    say('latency', { ms: (at - samples.capturedAtUs[samples.length - 1]) / 1000, snapshot: samples.snapshot });
  } else {
    say('samples', { session: samples.session, length: samples.length, snapshot: samples.snapshot, offset: Number(samples.offset) });
  }
  if (file) file.write(bytesOf(samples));
  received += samples.length;
  if (wanted && received >= wanted) finish('enough samples', 0);
});

const deadline = setTimeout(() => finish('time is up', wanted ? 1 : 0), Number(options.seconds) * 1000);
process.on('SIGTERM', () => {
  clearTimeout(deadline);
  finish('asked to stop', 0);
});

/** Copies one message's samples out of the columns, sample by sample. */
function bytesOf(samples) {
  const columns = samples.schema.channels.map((channel) => samples.columns[channel.key]);
  const width = 8 + 4 * columns.length;
  const bytes = new DataView(new ArrayBuffer(width * samples.length));
  for (let i = 0; i < samples.length; i += 1) {
    bytes.setFloat64(i * width, samples.capturedAtUs[i], true);
    columns.forEach((column, c) => {
      const at = i * width + 8 + 4 * c;
      if (column instanceof Float32Array) bytes.setFloat32(at, column[i], true);
      else bytes.setInt32(at, column[i], true);
    });
  }
  return new Uint8Array(bytes.buffer);
}
