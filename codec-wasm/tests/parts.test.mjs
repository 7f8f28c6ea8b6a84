// Do clock, rate, cursor, emitter and address of a feed do what they say?

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { BridgeClock, chain } from '../pkg/dist/feed/clock.js';
import { Cursor } from '../pkg/dist/feed/cursor.js';
import { Emitter } from '../pkg/dist/feed/emitter.js';
import { bridgeUrl } from '../pkg/dist/feed/feed.js';
import { Pace } from '../pkg/dist/feed/pace.js';
import { Rate } from '../pkg/dist/feed/rate.js';
import { History } from '../pkg/dist/history.js';
import { keyOf } from '../pkg/dist/schema.js';
import { recordsIn } from './consumers/shared/recording.js';

test('the exchange with the least round trip wins', () => {
  const clock = new BridgeClock();
  assert.equal(clock.toPage, null);
  // The bridge is 1,000 µs behind the page; 40 µs there, 20 µs back, 10 µs in between.
  clock.add({ askedUs: 10_000, receivedUs: 9_040, sentUs: 9_050, answeredUs: 10_070 });
  assert.deepEqual(clock.toPage, { offsetUs: 990, uncertaintyUs: 30 });
  clock.add({ askedUs: 20_000, receivedUs: 19_500, sentUs: 19_500, answeredUs: 22_000 });
  assert.deepEqual(clock.toPage, { offsetUs: 990, uncertaintyUs: 30 });
  clock.add({ askedUs: 30_000, receivedUs: 29_001, sentUs: 29_001, answeredUs: 30_002 });
  assert.deepEqual(clock.toPage, { offsetUs: 1_000, uncertaintyUs: 1 });
});

test('an exchange that contradicts itself is ignored', () => {
  const clock = new BridgeClock();
  clock.add({ askedUs: 10, receivedUs: 100, sentUs: 90, answeredUs: 20 });
  clock.add({ askedUs: 10, receivedUs: 100, sentUs: 200, answeredUs: 20 });
  assert.equal(clock.toPage, null);
});

test('an old lucky exchange does not win for ever', () => {
  const clock = new BridgeClock();
  clock.add({ askedUs: 0, receivedUs: 0, sentUs: 0, answeredUs: 0 });
  for (let n = 0; n < 12; n++) clock.add({ askedUs: 0, receivedUs: 50, sentUs: 50, answeredUs: 10 });
  assert.equal(clock.toPage.uncertaintyUs, 5);
});

test('offsets chain, and unknown stays unknown', () => {
  const a = { offsetUs: -1_500, uncertaintyUs: 400 };
  const b = { offsetUs: 100, uncertaintyUs: 50 };
  assert.deepEqual(chain(a, b), { offsetUs: -1_400, uncertaintyUs: 450 });
  assert.equal(chain(null, b), null);
  assert.equal(chain(a, null), null);
});

test('the rate is that of the captured time, and follows a change within a second or two', () => {
  const rate = new Rate();
  let at = 0;
  const run = (hz, blocks) => {
    for (let n = 0; n < blocks; n++) rate.add(2, (at += 2e6 / hz));
  };
  rate.add(2, at);
  assert.equal(rate.hz, null);
  run(60, 60);
  assert.ok(Math.abs(rate.hz - 60) < 0.01, `${rate.hz}`);
  run(120, 180);
  assert.ok(Math.abs(rate.hz - 120) < 5, `${rate.hz}`);
});

test('a hole does not count as a slow source', () => {
  const rate = new Rate();
  rate.add(2, 0);
  rate.add(2, 33_333);
  rate.interrupt();
  rate.add(2, 5_000_000);
  rate.add(2, 5_033_333);
  assert.ok(Math.abs(rate.hz - 60) < 0.1, `${rate.hz}`);
});

test('the pace of a session: by its blocks in time, and by how long they are', () => {
  const pace = new Pace();
  assert.equal(pace.add(2, 0, 16_667).toFixed(1), '33.3', 'two samples at 60 Hz');
  pace.add(2, 33_333, 50_000);
  assert.equal(pace.add(2, 66_667, 83_333).toFixed(1), '33.3');

  const long = new Pace();
  assert.equal(Math.round(long.add(60, 0, 983_333)), 1_000, 'one block a second, known from the first');

  const keysOnly = new Pace();
  keysOnly.add(1, 0, 0);
  keysOnly.add(1, 2_000_000, 2_000_000);
  assert.equal(keysOnly.add(1, 4_000_000, 4_000_000), 2_000, 'one block in two seconds');
});

test('a single hole is not a pace, and no pace is longer than 10 s', () => {
  const pace = new Pace();
  for (let at = 0; at < 5; at++) pace.add(1, at * 33_000, at * 33_000);
  assert.equal(pace.add(1, 8_000_000, 8_000_000), 33);
  assert.equal(pace.add(1, 8_033_000, 8_033_000), 33);
  const slow = new Pace();
  for (let at = 0; at < 3; at++) slow.add(1, at * 60e6, at * 60e6);
  assert.equal(slow.add(1, 180e6, 180e6), 10_000);
  const back = new Pace();
  back.add(1, 5_000_000, 5_000_000);
  assert.equal(back.add(1, 1_000_000, 1_000_000), 0, 'a clock that was set back');
});

test('a cursor goes forward only, and belongs to its topic', () => {
  const cursor = new Cursor();
  const topic = new Uint8Array(16).fill(7);
  cursor.advance(3, 10);
  assert.equal(cursor.topicId.length, 0);
  cursor.setTopic(topic);
  cursor.advance(3, 10);
  cursor.advance(3, 4);
  cursor.advance(5, 0);
  assert.deepEqual([...cursor.next], [3, 11, 5, 1]);
  assert.deepEqual(cursor.topicId, topic);
  cursor.setTopic(topic);
  assert.equal(cursor.next.length, 4);
  cursor.setTopic(new Uint8Array(16).fill(8));
  assert.equal(cursor.next.length, 0);
});

test('listeners come and go, and one that throws does not silence the others', (context) => {
  const emitter = new Emitter();
  const heard = [];
  const later = [];
  context.mock.method(globalThis, 'queueMicrotask', (task) => later.push(task));
  emitter.on('a', () => {
    throw new Error('mine');
  });
  const off = emitter.on('a', (value) => heard.push(value));
  emitter.emit('a', 1);
  off();
  emitter.emit('a', 2);
  assert.deepEqual(heard, [1]);
  assert.throws(later[0], /mine/);
});

test('addresses: http becomes ws, the fragment goes, anything else is refused', () => {
  assert.equal(bridgeUrl('https://h/v1/stream#token=x').href, 'wss://h/v1/stream');
  assert.equal(bridgeUrl('ws://h:8080?userId=a').href, 'ws://h:8080/?userId=a');
  for (const bad of ['/v1/stream', 'ftp://h', '']) {
    assert.throws(() => bridgeUrl(bad), (error) => error.code === 'bad_url', bad);
  }
});

test('keys are the camelCase of names', () => {
  assert.equal(keyOf('tyre_core_temp_c_fl'), 'tyreCoreTempCFl');
  assert.equal(keyOf('rain_in_10_min'), 'rainIn10Min');
  assert.equal(keyOf('gear'), 'gear');
});

test('a recording is its records, each after its length; one that is cut off is refused', () => {
  const magic = [...Buffer.from('PSREC'), 1];
  const bytes = Uint8Array.of(...magic, 2, 0, 0, 0, 8, 9, 1, 0, 0, 0, 7);
  assert.deepEqual(recordsIn(bytes), [Uint8Array.of(8, 9), Uint8Array.of(7)]);
  assert.deepEqual(recordsIn(Uint8Array.from(magic)), []);
  for (const end of [7, 10, 11, 13, bytes.length - 1]) assert.throws(() => recordsIn(bytes.subarray(0, end)), /cut off/, `${end}`);
  assert.throws(() => recordsIn(bytes.subarray(1)), /not a recording/);
});

test('a history needs the module for its first block, and not before', () => {
  const history = new History({ channels: ['speedMps'] });
  assert.deepEqual(history.data().map(({ length }) => length), [0, 0]);
  const block = { length: 1, columns: new Map(), capturedAtUs: [0] };
  assert.throws(() => history.append(block), { code: 'not_initialized' });
});
