// Does a feed fit into a page: snapshots, awaiting, loops, signals, `using`, settings? Over real sockets.

import assert from 'node:assert/strict';
import { test } from 'node:test';

import { WebSocket } from 'ws';

import { connect, Decoder, init } from '../pkg/dist/node.js';
import { send, state, withFeed } from './feeds.mjs';
import { vector } from './recording.mjs';

const fixed = vector('fixed');
const sendFixed = (viewer) => send(viewer, fixed);

test('snapshots are the same until something changes', async () => {
  const seen = { latest: new Set(), stats: new Set(), sessions: new Set(), schema: new Set() };
  await withFeed({ onViewer: sendFixed }, {}, async (feed) => {
    assert.deepEqual([feed.latest(), feed.schema, feed.columns.length, feed.sessions, feed.stats.samples], [null, null, 0, [], 0]);
    feed.on('samples', ({ columns, length, schema, capturedAtUs }) => {
      for (const set of [seen.latest]) for (let twice = 0; twice < 2; twice++) set.add(feed.latest());
      for (const name of ['stats', 'sessions', 'schema']) for (let twice = 0; twice < 2; twice++) seen[name].add(feed[name]);
      assert.equal(feed.columns, columns);
      assert.equal(feed.schema, schema);
      assert.deepEqual(feed.latest(), columns.sample(length - 1));
      assert.equal(feed.latest().capturedAtUs, capturedAtUs[length - 1]);
    });
    await state(feed, 'ended');
    const { blocks } = feed.stats;
    assert.ok(blocks > 2);
    assert.deepEqual([seen.latest.size, seen.stats.size, seen.sessions.size, seen.schema.size], [blocks, blocks, 1, 1]);
    assert.equal(seen.sessions.has(feed.sessions), false, 'the session ended');
    assert.equal(feed.sessions, feed.sessions);
  });
});

test('once waits for one event', async () => {
  await withFeed({ onViewer: sendFixed }, {}, async (feed) => {
    let speeds = null;
    feed.on('samples', ({ columns }) => (speeds ??= [...columns.testSpeedMps]));
    const [facts, first] = await Promise.all([feed.once('facts'), feed.once('samples'), state(feed, 'ended')]);
    assert.equal(facts.facts.game, 'Golden Game');
    assert.deepEqual([...first.columns.testSpeedMps], speeds, 'samples are in memory of their own');
    assert.equal(first.length, first.capturedAtUs.length);
  });
});

test('once ends with the feed and with its signal', async () => {
  await withFeed({}, {}, async (feed) => {
    const abort = new AbortController();
    const [aborted, closed] = [feed.once('samples', { signal: abort.signal }), feed.once('samples')];
    const reason = new Error('enough');
    abort.abort(reason);
    await assert.rejects(aborted, reason);
    await assert.rejects(feed.once('samples', { signal: abort.signal }), reason);
    feed.close();
    await assert.rejects(closed, { code: 'closed' });
    await assert.rejects(feed.once('samples'), { code: 'closed' });
  });
});

test('a loop gets every block in memory of its own, and ends with the feed', async () => {
  await withFeed({ onViewer: sendFixed }, {}, async (feed) => {
    const expected = [];
    feed.on('samples', ({ columns, capturedAtUs }) => expected.push([...capturedAtUs, ...columns.testSpeedMps, ...columns.testState]));
    state(feed, 'ended').then(() => feed.close());
    const blocks = [];
    for await (const block of feed) blocks.push(block);
    assert.ok(blocks.length > 2);
    assert.deepEqual(blocks.map(({ columns, capturedAtUs }) => [...capturedAtUs, ...columns.testSpeedMps, ...columns.testState]), expected);
    assert.deepEqual(blocks.map(({ dropped }) => dropped), blocks.map(() => 0));
    assert.deepEqual(blocks.at(-1).columns.get('fuelL'), undefined);
    assert.equal(blocks.at(-1).columns.fuelL.length, blocks.at(-1).length, 'a channel that the stream does not carry');
  });
});

test('a loop that is too slow misses the oldest blocks, and knows how many', async () => {
  await withFeed({ onViewer: sendFixed }, {}, async (feed) => {
    const loop = feed.samples({ limit: 2 });
    const all = [];
    feed.on('samples', ({ offset }) => all.push(offset));
    await state(feed, 'ended');
    const got = [(await loop.next()).value, (await loop.next()).value];
    assert.deepEqual(got.map(({ offset, dropped }) => [offset, dropped]), [[all.at(-2), all.length - 2], [all.at(-1), 0]]);
    assert.deepEqual(await loop.return(), { done: true, value: undefined });
    assert.deepEqual(await loop.next(), { done: true, value: undefined });
  });
});

test('a loop ends with its signal, and with a refusal', async () => {
  await withFeed({}, {}, async (feed) => {
    const abort = new AbortController();
    const next = feed.samples({ signal: abort.signal }).next();
    abort.abort(new Error('enough'));
    await assert.rejects(next, /enough/);
  });
  await withFeed({ refuse: () => ({ status: 403, code: 'other_user' }) }, {}, async (feed) => {
    await assert.rejects(feed.samples().next(), { code: 'refused', message: 'refused: other_user' });
  });
});

test('signals end listeners and feeds', async () => {
  const [listening, living] = [new AbortController(), new AbortController()];
  await withFeed({ onViewer: sendFixed }, { signal: living.signal }, async (feed) => {
    let heard = 0;
    feed.on('samples', () => ++heard === 2 && listening.abort(), { signal: listening.signal });
    feed.on('samples', () => assert.fail('it ended before'), { signal: AbortSignal.abort() });
    await state(feed, 'ended');
    assert.equal(heard, 2);
    assert.ok(feed.stats.blocks > 2);
    const closed = feed.once('samples');
    living.abort();
    await assert.rejects(closed, { code: 'closed' });
  });
  await withFeed({}, { signal: AbortSignal.abort() }, async (feed, bridge) => {
    assert.equal(feed.state, 'ended');
    await withFeedAt(bridge, (other) => state(other, 'waiting'));
    assert.equal(bridge.requests.length, 1);
  });
});

async function withFeedAt(bridge, body) {
  const feed = connect(bridge.url, { WebSocket });
  await body(feed);
  feed.close();
}

test('`using` frees decoders and closes feeds', async () => {
  await init();
  const decoder = new Decoder();
  decoder[Symbol.dispose]();
  assert.throws(() => decoder.push(fixed[0]), { code: 'freed' });
  await withFeed({}, {}, (feed) => {
    feed[Symbol.dispose]();
    assert.equal(feed.state, 'ended');
  });
});

test('the times until stale and between attempts are settings', async () => {
  const onViewer = (viewer) => send(viewer, fixed.slice(0, 4));
  await withFeed({ onViewer }, { staleAfterMs: 50 }, async (feed) => {
    await state(feed, 'live');
    const from = performance.now();
    await state(feed, 'stale');
    assert.ok(performance.now() - from < 400, 'sooner than the 500 ms that are usual');
  });
  for (const bad of [{ staleAfterMs: 0 }, { firstRetryMs: NaN }, { longestRetryMs: -1 }, { longestRetryMs: 100 }]) {
    assert.throws(() => connect('ws://h', { WebSocket, ...bad }), { code: 'bad_option' }, JSON.stringify(bad));
  }
});
