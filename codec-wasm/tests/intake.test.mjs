// What does a feed make of the bridge's messages, on a clock that the test moves? Real records, the real module, no socket.

import assert from 'node:assert/strict';
import { before, test } from 'node:test';

import { Emitter } from '../pkg/dist/feed/emitter.js';
import { Intake } from '../pkg/dist/feed/intake.js';
import { init } from '../pkg/dist/node.js';
import { data } from './bridge.mjs';
import { vector } from './recording.mjs';

before(() => init());

/** An intake, the gaps that it reported, and a function that gives it records. */
function intake() {
  const emitter = new Emitter();
  const gaps = [];
  emitter.on('gap', ({ session, n }) => gaps.push([session, n]));
  const taken = new Intake(emitter, { keysOnly: false }, () => {});
  const take = (found) => found.forEach((record, offset) => taken.take(new Uint8Array(data(record, { offset }))));
  return { taken, gaps, take };
}

const soon = () => performance.now() + 9_900;
const later = () => performance.now() + 10_100;

test('a hole before a silent end is reported when the stream has been silent for 10 s', () => {
  const { taken, gaps, take } = intake();
  // Schema, blocks 0 and 1; 2 is missing, so 3 and 4 cannot be read; then nothing more.
  take(vector('gap').slice(0, 5));
  taken.noticeSilence(soon());
  assert.deepEqual(gaps, []);
  taken.noticeSilence(later());
  assert.deepEqual(gaps, [['golden-1', 3]]);
  taken.noticeSilence(later());
  assert.deepEqual([gaps.length, taken.stats.gaps, taken.stats.missing], [1, 1, 3]);
});

test('a hole reported in a silence is not reported again when the stream goes on', () => {
  const { taken, gaps, take } = intake();
  const found = vector('gap');
  take(found.slice(0, 4));
  taken.noticeSilence(later());
  take(found.slice(4));
  // The vector's last gap is block 9, before its end.
  assert.deepEqual(gaps, [['golden-1', 2], ['golden-1', 1], ['golden-1', 1]]);
  taken.noticeSilence(later());
  assert.equal(gaps.length, 3);
});

test('a hole that a key block ended is reported once', () => {
  const { taken, gaps, take } = intake();
  take(vector('gap').slice(0, 6));
  taken.noticeSilence(later());
  assert.deepEqual(gaps, [['golden-1', 3]]);
});
