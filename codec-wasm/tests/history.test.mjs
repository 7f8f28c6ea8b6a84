// Does a history keep the newest rows in order, in one piece, in memory that stays when other memory grows?

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Follow } from '../pkg/dist/feed/follow.js';
import { ABSENT, Decoder, History, init } from '../pkg/dist/node.js';
import { send, state, withFeed } from './feeds.mjs';
import { vector } from './recording.mjs';

before(() => init());

/** A block of rows numbered from `first` on, 10 ms apart: speed is the number, gear its remainder by 3, and 0 absent. */
function block(first, length) {
  const numbers = Array.from({ length }, (_, at) => first + at);
  const speedMps = Float32Array.from(numbers);
  const gear = Int32Array.from(numbers, (number) => (number % 3 === 0 ? ABSENT : number % 3));
  return { length, columns: new Map(Object.entries({ speedMps, gear })), capturedAtUs: Float64Array.from(numbers, (number) => number * 10_000) };
}

const KEPT = { channels: ['speedMps', 'gear', 'brake'] };

test('every length of block and every place in the memory: the newest rows, in one piece', () => {
  for (const [rows, length] of [[1, 1], [1, 2], [7, 3], [100, 256], [256, 256], [300, 7], [1_000, 61]]) {
    const history = new History({ ...KEPT, rows });
    for (let end = length; end < rows * 4 + 2_000; end += length) {
      history.append(block(end - length, length));
      const n = Math.min(rows, end);
      assert.deepEqual([history.begin, history.end, history.length], [end - n, end, n]);
      const [times, speeds, gears, brakes] = history.data();
      for (const column of [times, speeds, gears, brakes]) assert.equal(column.length, n);
      for (const at of [0, n >> 1, n - 1]) {
        const number = end - n + at;
        assert.equal(Math.round(times[at] * 1e6), number * 10_000);
        assert.equal(speeds[at], number);
        assert.equal(gears[at], number % 3 === 0 ? NaN : number % 3);
        assert.equal(brakes[at], NaN, 'a channel that the stream does not carry');
      }
    }
    history.free();
  }
});

test('the last seconds', () => {
  const history = new History({ ...KEPT, rows: 1_000 });
  assert.deepEqual(history.data(1).map(({ length }) => length), [0, 0, 0, 0]);
  history.append(block(0, 200));
  assert.equal(history.data(0.5)[0].length, 51);
  assert.equal(history.data(0)[1][0], 199);
  assert.equal(history.data(60)[0].length, 200);
  assert.deepEqual([history.indexAt(-1), history.indexAt(0.015), history.indexAt(1.99), history.indexAt(2)], [0, 2, 199, 200]);
});

test('times rise: rows that are not later are left out, and a clock that was set back starts it again', () => {
  const history = new History({ ...KEPT, rows: 1_000 });
  history.append(block(2_000, 10));
  history.append(block(2_005, 10));
  history.append(block(2_005, 10));
  assert.deepEqual([...history.column('speedMps')], Array.from({ length: 15 }, (_, at) => 2_000 + at));
  history.append(block(100, 3));
  assert.deepEqual([...history.column('speedMps')], [100, 101, 102]);
  assert.deepEqual([history.begin, history.end], [15, 18]);
});

test('no row is lost when the memory grows', () => {
  const history = new History({ ...KEPT, rows: 100 });
  history.append(block(0, 50));
  const old = history.column('speedMps');
  const others = [];
  while (old.length > 0 && others.length < 1_000) others.push(new History({ ...KEPT, rows: 10_000 }), new Decoder()), others.at(-2).append(block(0, 1));
  assert.equal(old.length, 0, 'the memory grew');
  assert.deepEqual([...history.column('speedMps')], Array.from({ length: 50 }, (_, at) => at));
  history.append(block(50, 1));
  assert.equal(history.column('speedMps')[50], 50);
  for (const other of others) other.free();
});

test('it lies in the module’s memory', () => {
  const [history, decoder] = [new History({ ...KEPT, rows: 10 }), new Decoder()];
  history.append(block(0, 1));
  const [schema, , key] = vector('fixed');
  decoder.push(schema);
  decoder.push(key);
  assert.equal(history.column('speedMps').buffer, decoder.columns.testSpeedMps.buffer);
});

test('a freed history is empty and takes nothing', () => {
  const history = new History({ ...KEPT, rows: 10 });
  history.append(block(0, 5));
  history[Symbol.dispose]();
  assert.deepEqual(history.data().map(({ length }) => length), [0, 0, 0, 0]);
  assert.throws(() => history.append(block(5, 1)), { code: 'freed' });
  history.free();
});

test('settings that cannot be are refused', () => {
  for (const bad of [{ rows: 0 }, { rows: 1.5 }, { rows: NaN }, { rows: 1e9 }, { channels: [] }]) {
    assert.throws(() => new History({ ...KEPT, ...bad }), { code: 'bad_option' }, JSON.stringify(bad));
  }
});

test('it follows one session until that is over, and the newest of its epochs', () => {
  const follow = new Follow(undefined);
  const ended = new Set();
  const take = (session, epoch, nowMs) => follow.take(session, epoch, nowMs, (id) => ended.has(id));
  assert.equal(take('a', 1, 0), 'append');
  assert.equal(take('b', 9, 10_000), 'skip', 'the first is silent for 10 s, not longer');
  assert.equal(take('a', 1, 10_000), 'append');
  assert.equal(take('a', 2, 11_000), 'append', 'a collector that was started again');
  assert.equal(take('a', 1, 11_001), 'skip');
  assert.equal(take('a', 2, 11_002), 'append');
  assert.equal(take('b', 9, 21_003), 'restart', 'silent for longer');
  assert.equal(take('a', 2, 21_004), 'skip');
  ended.add('b');
  assert.equal(take('a', 3, 21_005), 'restart', 'over');
  const only = new Follow('b');
  assert.equal(only.take('a', 1, 0, () => true), 'skip');
  assert.equal(only.take('b', 1, 0, () => true), 'append');
});

test('a feed fills it, also when it was asked for before the module was there', async () => {
  await withFeed({ onViewer: (viewer) => send(viewer, vector('fixed')) }, {}, async (feed) => {
    const history = feed.history({ channels: ['testSpeedMps', 'testState'] });
    const other = feed.history({ channels: ['testSpeedMps'], session: 'another' });
    assert.equal(history.data()[0].length, 0);
    const [speeds, times] = [[], []];
    feed.on('samples', ({ columns, capturedAtUs }) => (speeds.push(...columns.testSpeedMps), times.push(...capturedAtUs)));
    await state(feed, 'ended');
    assert.ok(speeds.length > 10);
    feed.close();
    assert.deepEqual([...history.column('testSpeedMps')], speeds);
    assert.deepEqual(Array.from(history.capturedAtS, (time) => Math.round(time * 1e6)), times);
    assert.equal(other.length, 0);
  });
});
