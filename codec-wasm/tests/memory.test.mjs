// Does decoding allocate? 100,000 blocks must leave the WebAssembly memory and the views as they were.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { Decoder, init } from '../pkg/dist/node.js';
import { vector } from './recording.mjs';

const MESSAGES = 100_000;
const stream = () => vector('fixed');

/** CRC-32C, a byte at a time. */
const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc');

before(() => init());

test('100,000 blocks allocate nothing: no memory grows, no view is made again', () => {
  const decoder = new Decoder();
  // A decoder drops repeats, so each round reads the blocks under an epoch of its own: bytes 2 to 5, then a new checksum.
  const [schema, , ...rest] = stream();
  decoder.push(schema);
  const blocks = [];
  for (const record of rest) if (decoder.push(record).kind === 'samples') blocks.push(record);
  assert.ok(blocks.length > 1);
  const round = (epoch) => {
    let samples = 0;
    for (const block of blocks) {
      new DataView(block.buffer, block.byteOffset).setUint32(2, epoch, true);
      seal(block);
    }
    relink(blocks);
    for (const block of blocks) samples += decoder.push(block).length;
    return samples;
  };
  const samples = round(1);
  assert.ok(samples > 0);
  for (let epoch = 2; epoch < 50; epoch++) round(epoch);
  const { buffer } = decoder.columns.testSpeedMps;
  const grown = buffer.byteLength;

  // The streams change all the time here, which is the harder case: each is set up in the memory of an older one.
  let pushed = 0;
  for (let epoch = 50; pushed < MESSAGES; epoch++) {
    assert.equal(round(epoch), samples);
    pushed += blocks.length;
  }
  assert.equal(decoder.columns.testSpeedMps.buffer, buffer, 'the memory has not moved');
  assert.equal(buffer.byteLength, grown, 'the memory has not grown');
});

test('one stream: the same views for every block, and no growth of the JavaScript heap', () => {
  const decoder = new Decoder();
  const [schema, , key] = stream();
  decoder.push(schema);
  decoder.push(key);
  const view = decoder.columns.testSpeedMps;
  const times = decoder.capturedAtUs;
  const next = nextKeys(key);
  const push = (n) => {
    for (let at = 0; at < n; at++) if (decoder.push(next()).kind !== 'samples') throw new Error('no samples');
  };
  push(10_000);
  collectGarbage();
  const before = process.memoryUsage().heapUsed;
  push(MESSAGES);
  collectGarbage();
  const perMessage = (process.memoryUsage().heapUsed - before) / MESSAGES;
  assert.ok(perMessage < 1, `${perMessage} bytes per message stay in use`);
  assert.equal(decoder.columns.testSpeedMps, view);
  assert.equal(decoder.capturedAtUs, times);
});

test('a freed decoder is refused and touches nothing of another', () => {
  const [schema, , key] = stream();
  const freed = new Decoder();
  freed.push(schema);
  freed.push(key);
  const { columns } = freed;
  freed.free();
  // It gets the memory that was freed.
  const other = new Decoder();
  other.push(schema);
  other.push(key);
  const speeds = [...other.columns.testSpeedMps];
  assert.throws(() => freed.push(new Uint8Array(1_000).fill(0xff)), { code: 'freed' });
  assert.deepEqual([...other.columns.testSpeedMps], speeds);
  assert.deepEqual([columns.length, columns.testSpeedMps.length, freed.columns.length, freed.latest()], [0, 0, 0, null]);
  freed.free();
});

test('columns are current when another decoder has made the memory grow', () => {
  const [schema, , key] = stream();
  const first = new Decoder();
  first.push(schema);
  first.push(key);
  const { columns } = first;
  const view = columns.testSpeedMps;
  const [speeds, times, latest] = [[...view], [...first.capturedAtUs], first.latest()];
  const others = [];
  while (view.length > 0 && others.length < 1_000) others.push(new Decoder());
  assert.equal(view.length, 0, 'the memory grew and left the old view behind');
  for (const shown of [columns, first.columns]) assert.deepEqual([...shown.testSpeedMps], speeds);
  assert.deepEqual([...first.capturedAtUs], times);
  assert.deepEqual(first.latest(), latest);
  for (const other of others) other.free();
});

/** Gives the key block again and again, each time with the next number: the three bytes after the prefix hold it. */
function nextKeys(key) {
  const PREFIX = 6;
  // The number of the first key is one byte, 0; three bytes of a varint count to 2^21.
  const block = new Uint8Array(key.length + 2);
  block.set(key.subarray(0, PREFIX));
  block.set(key.subarray(PREFIX + 1), PREFIX + 3);
  let seq = 1 << 14;
  return () => {
    block[PREFIX] = (seq & 0x7f) | 0x80;
    block[PREFIX + 1] = ((seq >> 7) & 0x7f) | 0x80;
    block[PREFIX + 2] = seq >> 14;
    seq++;
    return seal(block);
  };
}

/** Makes the links of blocks whose checksums have changed right again: bytes after the prefix and the number. */
function relink(blocks) {
  const PREFIX = 6;
  for (let at = 1; at < blocks.length; at++) {
    const before = blocks[at - 1];
    const block = blocks[at];
    if (block[1] !== KIND_BLOCK) continue;
    let link = PREFIX;
    while (block[link] & 0x80) link++;
    block.set(before.subarray(before.length - 4, before.length - 2), link + 1);
    seal(block);
  }
}

const KIND_BLOCK = 4;

/** Writes the checksum, CRC-32C, of a record. */
function seal(record) {
  const end = record.length - 4;
  let crc = ~0;
  for (let at = 0; at < end; at++) crc = TABLE[(crc ^ record[at]) & 0xff] ^ (crc >>> 8);
  new DataView(record.buffer, record.byteOffset).setUint32(end, ~crc >>> 0, true);
  return record;
}
