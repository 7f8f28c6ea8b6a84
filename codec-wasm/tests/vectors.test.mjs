// Does WebAssembly read the golden vectors exactly as native Rust does? Every record, every value, bit for bit.

import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import { before, test } from 'node:test';

import { FLOAT_KEYS, INT_KEYS } from '../pkg/dist/fields.js';
import { ABSENT, CodecError, Decoder, init } from '../pkg/dist/node.js';
import { keyOf } from '../pkg/dist/schema.js';
import { vector as recordsOf, VECTORS } from './recording.mjs';

// This package leaves the built-in schemas out, to be small: such a stream waits for its schema record.
const KNOWS_NO_SCHEMAS = 'known-schemas';
// And what follows from their place among the schemas that a reader keeps, it cannot show.
const COUNTS_KNOWN_SCHEMAS = 'known-schemas-more';

before(() => init());

const names = readdirSync(VECTORS)
  .filter((file) => file.endsWith('.json'))
  .map((file) => file.slice(0, -'.json'.length))
  .filter((name) => name !== COUNTS_KNOWN_SCHEMAS);
assert.ok(names.length > 10, 'the golden vectors are there');

for (const name of names) {
  const vector = JSON.parse(readFileSync(`${VECTORS}${name}.json`, 'utf8'));
  test(`${name}: ${vector.about}`, () => {
    const decoder = new Decoder();
    const found = recordsOf(name);
    assert.equal(found.length, vector.records.length);
    found.forEach((record, at) => check(decoder, record, vector.records[at], `${name} record ${at}`, name));
    decoder.free();
  });
}

test('the types know the channels of the table by the keys that a stream’s columns have', () => {
  const FIRST_FREE_ID = 0x8000;
  const { schema } = new Decoder().push(recordsOf('extra-channels')[0]);
  const channels = schema.channels.filter(({ id }) => id < FIRST_FREE_ID);
  assert.ok(channels.length > 100);
  for (const { key, kind } of channels) assert.ok((kind === 'float' ? FLOAT_KEYS : INT_KEYS).includes(key), key);
});

function check(decoder, record, expected, where, name) {
  if (expected.kind === 'error') {
    assert.throws(() => decoder.push(record), (error) => error instanceof CodecError && error.code === expected.code, where);
    return;
  }
  const got = decoder.push(record);
  if (name === KNOWS_NO_SCHEMAS && expected.kind === 'samples') {
    assert.equal(got.kind, 'waiting', where);
    return;
  }
  assert.equal(got.kind, expected.kind, where);
  if ('session' in expected) assert.deepEqual([got.session, got.epoch], [expected.session, expected.epoch], where);
  if (expected.kind === 'samples') checkSamples(decoder, got, expected, where);
  if (expected.kind === 'schema') checkSchema(got.schema, expected, where);
  if (expected.kind === 'facts') assert.deepEqual(got.facts, camel(factsOf(expected.facts)), where);
  if (expected.kind === 'event') assert.deepEqual(got.event, camel(eventOf(expected.event)), where);
  if (expected.kind === 'waiting') assert.deepEqual([got.epoch, got.gap], [expected.epoch, gapOf(expected.missing)], where);
  if (expected.kind === 'end') assert.deepEqual(got.gap, gapOf(expected.missing), where);
}

function checkSamples(decoder, got, expected, where) {
  assert.equal(got.seq, expected.seq, where);
  assert.deepEqual(got.gap, gapOf(expected.missing), where);
  assert.equal(decoder.schema.hash, expected.schema, where);
  assert.deepEqual([...decoder.capturedAtUs], expected.captured_at_us, where);
  assert.equal(got.length, expected.captured_at_us.length, where);
  for (const [name, values] of Object.entries(expected.columns)) {
    const column = decoder.columns.get(keyOf(name));
    const shown = Array.from(column, (value) => {
      if (column instanceof Int32Array) return value === ABSENT ? null : value;
      return Number.isNaN(value) ? null : Number.isFinite(value) ? value : String(value);
    });
    assert.deepEqual(shown, values, `${where}, ${name}`);
    assert.equal(decoder.columns[keyOf(name)], column, 'the property is the same view');
  }
  for (const [name, values] of Object.entries(expected.bits ?? {})) {
    const column = decoder.columns.get(keyOf(name));
    const bits = new Uint32Array(column.buffer, column.byteOffset, column.length);
    assert.deepEqual(Array.from(bits, (value) => value.toString(16).padStart(8, '0')), values, `${where}, bits of ${name}`);
  }
  assert.equal(decoder.latest().capturedAtUs, expected.captured_at_us.at(-1), where);
}

function checkSchema(schema, expected, where) {
  assert.equal(schema.hash, expected.hash, where);
  const shown = expected.channels.map(({ id, name, unit, coding, resolution, min, max, labels }) => {
    const kind = coding === 'int' ? 'int' : 'float';
    return { id, name, key: keyOf(name), unit, kind, resolution: coding === 'fixed' ? resolution : 0, min, max, labels };
  });
  assert.deepEqual(schema.channels, shown, where);
}

/** Without absent facts; numbered facts as a map. */
function factsOf({ more, ...facts }) {
  return { ...withoutNull(facts), more: new Map(more.map(({ id, text }) => [id, text])) };
}

/** The vectors list a lap's fields among the event's own; this package puts them into an object. */
function eventOf({ type, at_us, ...rest }) {
  if (type === 'lap_finished') return { type: keyOf(type), at_us, lap: withoutNull(rest) };
  if (type === 'other_cars') return { type: keyOf(type), at_us, cars: rest.cars.map(carOf) };
  return { type: keyOf(type), at_us, ...rest };
}

/** A lap fraction is always there; one that is not known is NaN. */
function carOf({ lap_fraction, ...rest }) {
  return { lap_fraction: lap_fraction ?? NaN, ...withoutNull(rest) };
}

function gapOf(missing) {
  return missing && { firstSeq: missing[0], lastSeq: missing[1] };
}

function withoutNull(object) {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== null));
}

/** The same with camelCase keys all the way down, and infinities, which JSON lacks, as numbers. */
function camel(value) {
  if (value === 'Infinity' || value === '-Infinity') return Number(value);
  if (Array.isArray(value)) return value.map(camel);
  if (value === null || typeof value !== 'object' || value instanceof Map) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => [keyOf(name), camel(inner)]));
}
