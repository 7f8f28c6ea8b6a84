// What does one start measure? Everything on one trace at one block size, taking turns: `node child.mjs FOLDER N`.
// Prints its figures as JSON: the least time of several passes, after enough calls for V8 to have optimised.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { decode as msgpackDecode, encode as msgpackEncode } from '@msgpack/msgpack';
import protobuf from 'protobufjs';

import { Decoder, init } from '../pkg/dist/node.js';

const PASSES = 7;
const WARM_UP_CALLS = 1_000;
/** Enough for a pass of some ms; more would only take longer. */
const MOST_MESSAGES = 2_000;

const [folder, n] = [process.argv[2], Number(process.argv[3])];
await init();

const all = records(readFileSync(join(folder, String(n), 'messages.bin')));
const samples = JSON.parse(readFileSync(join(folder, 'samples.json'), 'utf8'));
const [schema, ...stream] = all;
const blocks = stream.slice(0, MOST_MESSAGES);
const groups = blocks.map((_, at) => samples.slice(at * n, (at + 1) * n)).filter((group) => group.length > 0);
const nSamples = groups.reduce((sum, group) => sum + group.length, 0);
const text = new TextDecoder();
let sink = 0;

/** Each: the messages, what one pass does, and what must be made before it. */
const candidates = [
  ours('purple-sector', () => {}),
  ours('purple-sector-read-all', (decoder, got) => {
    const { columns, schema: { channels } } = decoder;
    for (let at = 0; at < channels.length; at++) {
      const column = columns.get(channels[at].key);
      for (let row = 0; row < got.length; row++) sink += column[row];
    }
  }),
  general('json-parse', (group) => Buffer.from(JSON.stringify(group)), (bytes) => JSON.parse(text.decode(bytes))),
  general('json-parse-text', (group) => JSON.stringify(group), (string) => JSON.parse(string)),
  protobufjs(),
  general('msgpack', (group) => msgpackEncode(group), (bytes) => msgpackDecode(bytes)),
];

const least = new Map(candidates.map(({ name }) => [name, Infinity]));
for (const candidate of candidates) {
  for (let calls = 0; calls < WARM_UP_CALLS; calls += candidate.messages.length) pass(candidate);
}
for (let turn = 0; turn < PASSES; turn++) {
  for (const candidate of candidates) least.set(candidate.name, Math.min(least.get(candidate.name), pass(candidate)));
}
if (!Number.isFinite(sink)) sink = 0; // absent values are NaN; the sum only keeps the reads from being left out

const figures = [];
for (const { name, messages } of candidates) {
  const bytes = messages.reduce((sum, message) => sum + (message.byteLength ?? Buffer.byteLength(message)), 0);
  figures.push({ name, metric: 'decode_ns_per_sample', value: least.get(name) / nSamples });
  figures.push({ name, metric: 'bytes_per_sample', value: bytes / nSamples });
}
console.log(JSON.stringify(figures));

/** The time of one pass over all messages, in ns. */
function pass({ messages, prepare, take }) {
  const state = prepare();
  const started = process.hrtime.bigint();
  for (let at = 0; at < messages.length; at++) take(messages[at], state);
  return Number(process.hrtime.bigint() - started);
}

/** A decoder drops repeats, so each pass gets a new one; the schema is read before the time starts. */
function ours(name, read) {
  const prepare = () => {
    const decoder = new Decoder();
    decoder.push(schema);
    return decoder;
  };
  const take = (bytes, decoder) => {
    const got = decoder.push(bytes);
    if (got.kind !== 'samples') throw new Error(`a block was ${got.kind}`);
    read(decoder, got);
  };
  return { name, messages: blocks, prepare, take };
}

function general(name, encode, decode) {
  const messages = groups.map(encode);
  const take = (message) => {
    sink += decode(message).length;
  };
  return { name, messages, prepare: () => null, take };
}

/** One message type with a field per channel, as its compiler would have it; protobufjs compiles the decoder. */
function protobufjs() {
  const type = new protobuf.Type('Sample');
  Object.keys(samples[0]).forEach((name, at) => type.add(new protobuf.Field(name, at + 1, typeOf(name))));
  const block = new protobuf.Type('Block').add(new protobuf.Field('samples', 1, 'Sample', 'repeated'));
  new protobuf.Root().define('bench').add(type).add(block);
  const decode = (bytes) => block.decode(bytes).samples;
  return general('protobufjs', (group) => block.encode(block.fromObject({ samples: group })).finish(), decode);
}

function typeOf(name) {
  const values = samples.map((sample) => sample[name]).filter((value) => value !== null);
  if (values.every((value) => typeof value === 'string')) return 'string';
  if (values.every((value) => typeof value === 'boolean')) return 'bool';
  if (values.every((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31)) return 'sint32';
  return values.some((value) => Math.abs(value) > 2 ** 31) ? 'double' : 'float';
}

/** Records, each behind its length as a little-endian u32. */
function records(bytes) {
  const found = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at);
    found.push(new Uint8Array(bytes.subarray(at + 4, at + 4 + length)));
    at += 4 + length;
  }
  return found;
}
