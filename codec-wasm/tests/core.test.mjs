// Does the feed's state machine connect, wait, give up and recover as it should? On a clock that the test moves.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WAITS, waitMs } from '../pkg/dist/feed/backoff.js';
import { FeedCore } from '../pkg/dist/feed/core.js';

/** A feed on a fake clock; `random` 1 makes every wait as long as it can be. */
class Bench {
  now = 1_000;
  core;

  constructor({ tokenCanChange = false, ...settings } = {}) {
    this.core = new FeedCore({ tokenCanChange, random: () => 1, ...settings });
  }

  on(type, fields = {}) {
    const input = { type, ...(type === 'samples' && { paceMs: 0 }), ...fields };
    return this.core.on(input, this.now).map((action) => (action.do === 'state' ? action.change.state : action.do));
  }

  /** Moves on to the next tick and takes it. */
  tick() {
    this.now = Math.max(this.now, this.core.wakeAt);
    return this.on('tick');
  }

  /** Ticks until `ms` have passed; everything that was done on the way. */
  pass(ms) {
    const end = this.now + ms;
    const done = [];
    while (this.core.wakeAt !== null && this.core.wakeAt <= end) done.push(...this.tick());
    this.now = end;
    return done;
  }

  open() {
    this.on('start');
    this.on('token', { token: 't' });
    this.on('opened');
    return this;
  }

  live() {
    this.open();
    this.on('samples', { session: 'a', ageMs: 0 });
    return this;
  }
}

test('a start fetches a token, opens, greets and waits for samples', () => {
  const feed = new Bench();
  assert.deepEqual(feed.on('start'), ['fetchToken', 'connecting']);
  assert.deepEqual(feed.on('token', { token: null }), ['open']);
  assert.deepEqual(feed.on('opened'), ['greet', 'askTime', 'waiting']);
  assert.deepEqual(feed.on('samples', { session: 'a', ageMs: 0 }), ['live']);
  assert.deepEqual(feed.on('samples', { session: 'a', ageMs: 0 }), []);
});

test('a feed is stale after 500 ms without samples, and not before', () => {
  const feed = new Bench().live();
  feed.now += 500;
  assert.deepEqual(feed.on('tick').filter((done) => done !== 'askTime'), []);
  assert.equal(feed.core.state, 'live');
  feed.now += 1;
  assert.deepEqual(feed.on('tick').filter((done) => done !== 'askTime'), ['stale']);
  assert.equal(feed.core.ageMs(feed.now), 501);
  assert.deepEqual(feed.on('samples', { session: 'a', ageMs: 0 }), ['live']);
});

test('blocks that are rare by their own pace are live until the next is overdue', () => {
  const feed = new Bench().open();
  for (let n = 0; n < 5; n++) {
    feed.on('samples', { session: 'a', ageMs: 0, paceMs: 2_000 });
    assert.deepEqual(feed.pass(2_900).filter((done) => done !== 'askTime'), [], `block ${n}`);
    assert.equal(feed.core.state, 'live');
    feed.on('message');
  }
  feed.pass(100);
  assert.equal(feed.core.state, 'live', 'one and a half times the pace');
  assert.deepEqual(feed.pass(1).filter((done) => done !== 'askTime'), ['stale']);
});

test('a snapshot of old samples is not live', () => {
  const feed = new Bench().open();
  assert.deepEqual(feed.on('samples', { session: 'a', ageMs: 3_000 }), ['stale']);
});

test('a feed ends with the last of its sessions and lives on with a new one', () => {
  const feed = new Bench().live();
  feed.on('samples', { session: 'b', ageMs: 0 });
  assert.deepEqual(feed.on('sessionEnded', { session: 'a' }), []);
  assert.deepEqual(feed.on('sessionEnded', { session: 'b' }), ['ended']);
  assert.deepEqual(feed.on('samples', { session: 'c', ageMs: 0 }), ['live']);
});

test('what the bridge says counts where the page cannot know', () => {
  const feed = new Bench().open();
  assert.deepEqual(feed.on('bridgeState', { state: 3, ageMs: 4_000 }), ['stale']);
  assert.deepEqual(feed.on('bridgeState', { state: 4, ageMs: 0 }), ['replay']);
  assert.deepEqual(feed.on('bridgeState', { state: 5, ageMs: 0 }), ['ended']);
});

test('lost connections are tried again, ever later up to a limit', () => {
  const feed = new Bench().live();
  assert.deepEqual(feed.on('closed', { code: 1006, reason: '' }), ['connecting']);
  const waits = [];
  for (let attempt = 0; attempt < 9; attempt++) {
    waits.push(feed.core.wakeAt - feed.now);
    assert.deepEqual(feed.tick(), ['fetchToken']);
    feed.on('token', { token: 't' });
    assert.deepEqual(feed.on('closed', { code: 1006, reason: '' }), ['probe']);
    feed.on('probed', { refusal: null });
  }
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 8000, 10_000, 10_000, 10_000]);
});

test('the times until stale and between attempts can be set', () => {
  const feed = new Bench({ staleAfterMs: 2_000, waits: { firstMs: 1_000, longestMs: 1_500 } }).live();
  assert.ok(!feed.pass(2_000).includes('stale'));
  assert.ok(feed.pass(1).includes('stale'));
  feed.on('closed', { code: 1006, reason: '' });
  assert.equal(feed.core.wakeAt - feed.now, 1_000);
  feed.tick();
  feed.on('tokenFailed', { message: 'offline' });
  assert.equal(feed.core.wakeAt - feed.now, 1_500);
});

test('a connection that lasted makes the next wait short again', () => {
  const feed = new Bench().live();
  for (let n = 0; n < 4; n++) {
    feed.on('closed', { code: 1012, reason: '' });
    assert.equal(feed.core.wakeAt - feed.now, 250);
    feed.tick();
    feed.on('token', { token: 't' });
    feed.on('opened');
    for (let s = 0; s < 5; s++) (feed.on('message'), feed.pass(1_000));
  }
});

test('final close codes refuse, others retry: the boundaries', () => {
  for (const [code, state] of [[4499, 'connecting'], [4500, 'refused'], [4999, 'refused'], [4000, 'connecting'], [1001, 'connecting']]) {
    const feed = new Bench().live();
    assert.deepEqual(feed.on('closed', { code, reason: 'why' }), [state], `${code}`);
  }
  const feed = new Bench().live();
  feed.on('closed', { code: 4503, reason: '' });
  assert.equal(feed.core.wakeAt, null);
});

test('an expired token is fetched again if it can be, and refused if not', () => {
  assert.deepEqual(new Bench().live().on('closed', { code: 4401, reason: '' }), ['refused']);
  const feed = new Bench({ tokenCanChange: true }).live();
  assert.deepEqual(feed.on('closed', { code: 4401, reason: '' }), ['connecting']);
  assert.deepEqual(feed.tick(), ['fetchToken']);
});

test('tokens that are refused one after the other end in refused', () => {
  const feed = new Bench({ tokenCanChange: true });
  const refusal = { status: 401, code: 'token_invalid', message: 'not ours' };
  feed.on('start');
  for (let n = 0; n < 2; n++) {
    feed.on('token', { token: 't' });
    feed.on('closed', { code: 1006, reason: '' });
    assert.deepEqual(feed.on('probed', { refusal }), []);
    feed.tick();
  }
  feed.on('token', { token: 't' });
  feed.on('closed', { code: 1006, reason: '' });
  assert.deepEqual(feed.on('probed', { refusal }), ['refused']);
});

test('a refused upgrade: a passing reason is tried again, a lasting one is refused', () => {
  const outcomes = { 400: 'refused', 401: 'refused', 403: 'refused', 404: 'refused', 426: null, 429: null, 503: null };
  for (const [status, expected] of Object.entries(outcomes)) {
    const feed = new Bench();
    feed.on('start');
    feed.on('token', { token: 't' });
    feed.on('closed', { code: 1006, reason: '' });
    const refusal = { status: Number(status), code: 'c', message: 'm' };
    assert.deepEqual(feed.on('probed', { refusal }), expected === null ? [] : [expected], status);
  }
});

test('a new token brings a refused feed back, and refreshes an open one', () => {
  const feed = new Bench().live();
  assert.deepEqual(feed.on('newToken'), ['refresh']);
  feed.on('closed', { code: 4501, reason: '' });
  assert.deepEqual(feed.on('newToken'), ['fetchToken', 'connecting']);
});

test('a token that ends is replaced in time, and never in a race', () => {
  const feed = new Bench({ tokenCanChange: true }).open();
  feed.on('tokenExpiring', { inS: 61 });
  assert.ok(!feed.pass(999).includes('refresh'));
  assert.ok(feed.pass(1).includes('refresh'));
  feed.on('tokenExpiring', { inS: 5 });
  assert.ok(!feed.pass(9_999).includes('refresh'));
  feed.on('message');
  assert.ok(feed.pass(1).includes('refresh'));
  const fixed = new Bench().open();
  fixed.on('tokenExpiring', { inS: 5 });
  assert.ok(!fixed.pass(10_000).includes('refresh'));
});

test('a silent connection is given up', () => {
  const feed = new Bench().open();
  assert.ok(!feed.pass(11_999).includes('drop'));
  assert.deepEqual(feed.pass(1).filter((done) => done !== 'askTime'), ['drop', 'connecting']);
});

test('a hidden tab, whose timers fire once a minute, keeps its connection', () => {
  const feed = new Bench().open();
  for (let minute = 0; minute < 10; minute++) {
    feed.now += 60_000;
    assert.ok(!feed.on('tick').includes('drop'), `minute ${minute}`);
    feed.on('message');
  }
  assert.equal(feed.core.state, 'waiting');
});

test('a hidden tab gives up a connection on which nothing answers', () => {
  const feed = new Bench().open();
  feed.now += 60_000;
  assert.deepEqual(feed.on('tick'), ['askTime']);
  feed.now += 60_000;
  assert.deepEqual(feed.on('tick'), ['drop', 'connecting']);
});

test('an attempt that hangs is given up', () => {
  const feed = new Bench();
  feed.on('start');
  assert.deepEqual(feed.pass(15_000), ['drop']);
  assert.equal(feed.core.wakeAt - feed.now, 250);
});

test('pause drops the connection and resume comes back; close is for good', () => {
  const feed = new Bench().live();
  assert.deepEqual(feed.on('pause'), ['drop', 'paused']);
  assert.equal(feed.core.wakeAt, null);
  assert.deepEqual(feed.on('resume'), ['fetchToken', 'connecting']);
  assert.deepEqual(feed.on('close'), ['drop', 'ended']);
  assert.deepEqual(feed.on('close'), []);
  assert.equal(feed.core.wakeAt, null);
});

test('a close or a pause before the start is kept', () => {
  const closed = new Bench();
  assert.deepEqual(closed.on('close'), ['drop', 'ended']);
  assert.deepEqual(closed.on('start'), []);
  assert.equal(closed.core.wakeAt, null);
  const paused = new Bench();
  assert.deepEqual(paused.on('pause'), ['drop', 'paused']);
  assert.deepEqual(paused.on('start'), []);
  assert.deepEqual(paused.on('resume'), ['fetchToken', 'connecting']);
});

test('a closed feed stays closed', () => {
  const feed = new Bench().live();
  feed.on('close');
  for (const input of ['resume', 'start', 'newToken', 'online', 'pause']) assert.deepEqual(feed.on(input), [], input);
  assert.equal(feed.core.state, 'ended');
});

test('a network that comes back cuts the wait short', () => {
  const feed = new Bench().live();
  assert.deepEqual(feed.on('online'), []);
  feed.on('closed', { code: 1006, reason: '' });
  assert.deepEqual(feed.on('online'), ['fetchToken']);
});

test('times are asked for quickly at first, then now and then', () => {
  const feed = new Bench().open();
  const first = feed.pass(1_000).filter((done) => done === 'askTime');
  assert.equal(first.length, 4);
  feed.on('message');
  assert.equal(feed.pass(10_000).filter((done) => done === 'askTime').length, 2);
});

test('waits are spread between half and all of what they may be', () => {
  assert.equal(waitMs(0, 0), 125);
  assert.equal(waitMs(0, 1), 250);
  assert.equal(waitMs(1_000, 1), WAITS.longestMs);
});
