// What does one start measure? Everything on one trace at one block size, taking turns: `node child.mjs FOLDER N`.
// Prints its figures as JSON, after enough calls for V8 to have optimised. A pass is timed in short slices, and the figure is the
// sum of each slice's shortest time. Other programs interrupt every whole pass of a slow candidate, but few passes of a fast one.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import { decode as msgpackDecode, encode as msgpackEncode } from '@msgpack/msgpack';
import protobuf from 'protobufjs';

import { Decoder, init } from '../pkg/dist/node.js';
import { records } from '../tests/recording.mjs';

/** How often the candidates take turns, and passes in a row in each: the first one only fills the caches again. */
const TURNS = 6;
const PASSES = 4;
const WARM_UP_CALLS = 1_000;
/** Enough to hold all that a trace does; more would only take longer. */
const MOST_MESSAGES = 1_000;
const SLICE = 20;

const [folder, n] = [process.argv[2], Number(process.argv[3])];
await init();

const samples = JSON.parse(readFileSync(join(folder, 'samples.json'), 'utf8'));
// The first block is part of the set-up: a decoder makes its columns then. So it is not timed.
const [normal, lossless] = ['messages.bin', 'messages-lossless.bin'].map((name) => {
  const [schema, first, ...blocks] = records(join(folder, String(n), name)).slice(0, MOST_MESSAGES + 2);
  return { schema, first, blocks };
});
const groups = normal.blocks.map((_, at) => samples.slice((at + 1) * n, (at + 2) * n)).filter((group) => group.length > 0);
const nSamples = groups.reduce((sum, group) => sum + group.length, 0);
const keys = Object.keys(samples[0]);
const text = new TextDecoder();

const fromBytes = (bytes) => JSON.parse(text.decode(bytes));
const jsonBytes = (group) => Buffer.from(JSON.stringify(group));
/** For each: its messages, what to make before a pass, and a function that decodes some of them and sums what it reads. */
const candidates = [
  ours('purple-sector', normal, (_, got) => got.length),
  ours('purple-sector-lossless', lossless, (_, got) => got.length),
  ours('purple-sector-read-all', normal, ({ columns, schema: { channels } }, got) => {
    let sum = 0;
    for (let at = 0; at < channels.length; at++) {
      const column = columns.get(channels[at].key);
      for (let row = 0; row < got.length; row++) sum += column[row];
    }
    return sum;
  }),
  general('json-parse', jsonBytes, fromBytes, readNothing),
  general('json-parse-read-all', jsonBytes, fromBytes, readEveryValue),
  general('json-parse-text', (group) => JSON.stringify(group), (string) => JSON.parse(string), readNothing),
  protobufjs('protobufjs', readNothing),
  protobufjs('protobufjs-read-all', readEveryValue),
  general('msgpack', (group) => msgpackEncode(group), (bytes) => msgpackDecode(bytes), readNothing),
];

let sink = 0;
for (const candidate of candidates) {
  candidate.least = new Float64Array(Math.ceil(candidate.messages.length / SLICE)).fill(Infinity);
  for (let calls = 0; calls < WARM_UP_CALLS; calls += candidate.messages.length) runPass(candidate);
  candidate.least.fill(Infinity);
}
for (let turn = 0; turn < TURNS; turn++) {
  for (const candidate of candidates) {
    for (let at = 0; at < PASSES; at++) runPass(candidate);
  }
}
if (typeof sink !== 'number') throw new Error('a pass read nothing');

const figures = [];
for (const { name, messages, least } of candidates) {
  const bytes = messages.reduce((sum, message) => sum + (message.byteLength ?? Buffer.byteLength(message)), 0);
  figures.push({ name, metric: 'decode_ns_per_sample', value: least.reduce((sum, ns) => sum + ns) / nSamples });
  figures.push({ name, metric: 'bytes_per_sample', value: bytes / nSamples });
}
console.log(JSON.stringify(figures));

/**
 * Reads all messages, and keeps each slice's time in ns if it is the shortest so far. A sum of what was read is kept too, so that
 * the compiler cannot leave out a read.
 */
function runPass({ messages, least, prepare, take, finish }) {
  const state = prepare();
  for (let slice = 0; slice < least.length; slice++) {
    const started = process.hrtime.bigint();
    const read = take(messages, state, slice * SLICE, Math.min((slice + 1) * SLICE, messages.length));
    least[slice] = Math.min(least[slice], Number(process.hrtime.bigint() - started));
    sink += read;
  }
  finish(state);
}

/** A decoder drops repeats, so each pass gets a new one; schema and first block are read before the time starts. */
function ours(name, { schema, first, blocks }, read) {
  const prepare = () => {
    const decoder = new Decoder();
    decoder.push(schema);
    decoder.push(first);
    return decoder;
  };
  const take = (messages, decoder, from, to) => {
    let sum = 0;
    for (let at = from; at < to; at++) {
      const got = decoder.push(messages[at]);
      if (got.kind !== 'samples') throw new Error(`a block was ${got.kind}`);
      sum += read(decoder, got);
    }
    return sum;
  };
  return { name, messages: blocks, prepare, take, finish: (decoder) => decoder.free() };
}

function general(name, encode, decode, read) {
  const take = (messages, _, from, to) => {
    let sum = 0;
    for (let at = from; at < to; at++) {
      const group = decode(messages[at]);
      sum += group.length + read(group);
    }
    return sum;
  };
  return { name, messages: groups.map(encode), prepare: () => null, take, finish: () => {} };
}

function readNothing() {
  return 0;
}

/** Reads every value of the samples, as a page that shows all of them would. */
function readEveryValue(group) {
  let sum = 0;
  for (let at = 0; at < group.length; at++) {
    const sample = group[at];
    for (let key = 0; key < keys.length; key++) {
      const value = sample[keys[key]];
      sum += typeof value === 'string' ? value.length : Number(value);
    }
  }
  return sum;
}

/** One message type with a field per channel, as its compiler would have it; protobufjs compiles the decoder. */
function protobufjs(name, read) {
  const type = new protobuf.Type('Sample');
  keys.forEach((key, at) => type.add(new protobuf.Field(key, at + 1, typeOf(key))));
  const block = new protobuf.Type('Block').add(new protobuf.Field('samples', 1, 'Sample', 'repeated'));
  new protobuf.Root().define('bench').add(type).add(block);
  const decode = (bytes) => block.decode(bytes).samples;
  return general(name, (group) => block.encode(block.fromObject({ samples: group })).finish(), decode, read);
}

function typeOf(key) {
  const values = samples.map((sample) => sample[key]).filter((value) => value !== null);
  if (values.every((value) => typeof value === 'string')) return 'string';
  if (values.every((value) => typeof value === 'boolean')) return 'bool';
  if (values.every((value) => Number.isInteger(value) && Math.abs(value) < 2 ** 31)) return 'sint32';
  return values.some((value) => Math.abs(value) > 2 ** 31) ? 'double' : 'float';
}
