// Does `connect` follow a bridge over real sockets: samples, states, reconnecting, tokens, refusals?

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';

import { WebSocket } from 'ws';

import { connect } from '../pkg/dist/node.js';
import { bye, CURSOR, data, expiring, gap, LAST_SECONDS, REFRESH, SUBSCRIBE } from './bridge.mjs';
import { next, send, state, withFeed } from './feeds.mjs';
import { vector } from './recording.mjs';

const fixed = vector('fixed');
const sendFixed = (viewer) => send(viewer, fixed);

/** The first message that the bridge got from its viewers. */
async function firstMessage(bridge) {
  const deadline = Date.now() + 5_000;
  while (bridge.messages.length === 0) {
    assert.ok(Date.now() < deadline, 'the viewer says something');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return bridge.messages[0];
}

test('records become facts, samples and states, in order', async () => {
  await withFeed({ onViewer: sendFixed }, {}, async (feed, bridge) => {
    const states = [];
    const seen = [];
    feed.on('state', (change) => states.push(change.state));
    feed.on('schema', ({ session, channels }) => seen.push(['schema', session, channels.length]));
    feed.on('facts', ({ facts }) => seen.push(['facts', facts.game]));
    feed.on('session', ({ session, ended }) => seen.push(['session', session, ended]));
    feed.on('samples', (s) => {
      assert.equal(s.columns.testSpeedMps.length, s.length);
      assert.equal(s.capturedAtUs.length, s.length);
      assert.equal(s.schema.channels[0].key, 'testSpeedMps');
      seen.push(['samples', s.length, s.partition, s.offset, s.snapshot]);
    });
    await state(feed, 'ended');
    assert.deepEqual(states, ['connecting', 'waiting', 'live', 'ended']);
    assert.deepEqual(seen.slice(0, 4), [
      ['session', 'golden-1', false],
      ['schema', 'golden-1', 5],
      ['facts', 'Golden Game'],
      ['samples', 6, 3, 2, false],
    ]);
    assert.deepEqual(seen.at(-1), ['session', 'golden-1', true]);
    const { samples, blocks, gaps, repeats, errors, reconnects, bytes, rateHz } = feed.stats;
    assert.deepEqual([gaps, repeats, errors, reconnects], [0, 0, 0, 0]);
    assert.ok(samples > blocks && blocks > 1 && bytes > 100);
    assert.ok(Math.abs(rateHz - 60) < 1, `${rateHz}`);
    assert.deepEqual(bridge.messages, [], 'a viewer that asks for nothing sends nothing');
    assert.equal(feed.sessions[0].facts.track, 'imola');
  });
});

test('the token goes into the subprotocol and never into the address', async () => {
  await withFeed({}, { token: 'a.b.c', userId: 'alice' }, async (feed, bridge) => {
    await state(feed, 'waiting');
    const [{ url, headers }] = bridge.requests;
    assert.equal(url, '/v1/stream?userId=alice');
    assert.deepEqual(headers['sec-websocket-protocol'].split(/, ?/), ['purple-sector.v1', 'bearer.a.b.c']);
  });
});

test('the options are what the feed subscribes to', async () => {
  await withFeed({}, { session: 'imola-1', lastSeconds: 60, keysOnly: true }, async (feed, bridge) => {
    await state(feed, 'waiting');
    assert.equal((await firstMessage(bridge))[0], SUBSCRIBE);
    assert.deepEqual([...bridge.messages[0].subarray(1)], [1, 7, ...Buffer.from('imola-1'), 1, 60, 1, 0]);
  });
});

test('a lost connection goes on where it was, and repeats are dropped', async () => {
  let n = 0;
  const onViewer = (viewer) => {
    const whole = n++ > 0;
    send(viewer, fixed.slice(0, whole ? fixed.length : 4));
    if (!whole) setTimeout(() => viewer.close(1012, 'restart'), 50);
  };
  await withFeed({ onViewer }, {}, async (feed, bridge) => {
    let samples = 0;
    feed.on('samples', ({ length }) => (samples += length));
    const change = await next(feed, 'state', ({ state: now, ageMs }) => now === 'connecting' && ageMs !== null);
    assert.deepEqual([change.reason, change.code], ['restart', 1012]);
    await state(feed, 'ended');
    assert.equal(feed.stats.reconnects, 1);
    assert.equal(feed.stats.repeats, 2);
    assert.equal(feed.stats.samples, samples);
    assert.equal((await firstMessage(bridge))[0], SUBSCRIBE);
    // No session, no seconds, not keys only; then the cursor: topic 0707…, one partition, 3, next offset 4.
    assert.deepEqual([...bridge.messages[0].subarray(1)], [0, 0, 0, 1, ...new Array(16).fill(7), 1, 3, 4]);
  });
});

test('the bridge’s limits are said, once', async () => {
  await withFeed({ onViewer: sendFixed, capabilities: 0 }, { lastSeconds: 60 }, async (feed) => {
    const warnings = [];
    feed.on('warning', ({ code }) => warnings.push(code));
    assert.equal(feed.bridge, null);
    for (let connection = 0; connection < 3; connection++) {
      await state(feed, 'ended');
      feed.pause();
      feed.resume();
    }
    await state(feed, 'ended');
    assert.deepEqual(warnings, ['no_last_seconds', 'no_cursor']);
    assert.deepEqual(feed.bridge, { user: 'alice', version: 1, cursor: false, lastSeconds: false });
  });
});

test('there is no warning about a bridge that can do all that was asked', async (context) => {
  const printed = context.mock.method(console, 'warn', () => {});
  await withFeed({ onViewer: sendFixed, capabilities: CURSOR | LAST_SECONDS | 1 << 20 }, { lastSeconds: 60 }, async (feed) => {
    await state(feed, 'ended');
    feed.pause();
    feed.resume();
    await state(feed, 'ended');
    assert.deepEqual(feed.bridge, { user: 'alice', version: 1, cursor: true, lastSeconds: true });
  });
  await withFeed({ capabilities: 0 }, {}, (feed) => state(feed, 'waiting'));
  assert.equal(printed.mock.callCount(), 0);
});

test('a warning that nobody listens to is in the console', async (context) => {
  const printed = context.mock.method(console, 'warn', () => {});
  await withFeed({ onViewer: sendFixed, capabilities: 0 }, { lastSeconds: 60 }, (feed) => state(feed, 'ended'));
  assert.equal(printed.mock.callCount(), 1);
  assert.match(printed.mock.calls[0].arguments[0], /purple-sector-codec: .*last seconds/);
});

test('gaps are told and counted, in streams and from the bridge', async () => {
  const onViewer = (viewer) => {
    fixed.forEach((record, offset) => offset !== 3 && viewer.send(data(record, { offset })));
    viewer.send(gap(3, 1, 40));
  };
  await withFeed({ onViewer }, {}, async (feed) => {
    const gaps = [];
    feed.on('gap', (found) => gaps.push(found));
    await next(feed, 'gap', ({ from }) => from === 'bridge');
    assert.deepEqual([gaps[0].from, gaps[0].reason, gaps[0].session], ['stream', 'missing', 'golden-1']);
    assert.deepEqual(gaps.at(-1), { from: 'bridge', reason: 'slow', n: 40, session: null, partition: 3 });
    assert.equal(feed.stats.gaps, gaps.length);
  });
});

test('with keys only, blocks between the keys are not a gap', async () => {
  const onViewer = (viewer) => {
    fixed.forEach((record, offset) => offset !== 3 && viewer.send(data(record, { offset })));
    viewer.send(gap(3, 1, 40));
  };
  await withFeed({ onViewer }, { keysOnly: true }, async (feed) => {
    const found = await next(feed, 'gap');
    assert.equal(found.from, 'bridge');
    assert.equal(feed.stats.gaps, 1);
  });
});

test('a record that cannot be read is an error, and the feed goes on', async () => {
  const onViewer = (viewer) => {
    viewer.send(data(fixed[0].map((byte, at) => byte ^ (at === 9 ? 1 : 0)), { offset: 0 }));
    sendFixed(viewer);
  };
  await withFeed({ onViewer }, {}, async (feed) => {
    const [error] = await Promise.all([next(feed, 'error'), state(feed, 'ended')]);
    assert.equal(error.code, 'checksum');
    assert.equal(feed.stats.errors, 1);
  });
});

test('a message that is too long is an error, and the feed goes on', async () => {
  const onViewer = (viewer) => {
    viewer.send(new Uint8Array(65_536 + 26));
    sendFixed(viewer);
  };
  await withFeed({ onViewer }, {}, async (feed) => {
    const [error] = await Promise.all([next(feed, 'error'), state(feed, 'ended')]);
    assert.equal(error.code, 'too_long');
    assert.equal(feed.stats.errors, 1);
  });
});

test('two epochs of one session at once are both shown, and reported once', async () => {
  const onViewer = (viewer) => send(viewer, vector('two-epochs'));
  await withFeed({ onViewer }, {}, async (feed) => {
    const [sessions, warnings, blocks] = [[], [], new Map()];
    feed.on('session', ({ session, epochs, ended }) => sessions.push([session, epochs.map((epoch) => epoch - 0xbadcafe), ended]));
    feed.on('warning', ({ code, session }) => warnings.push([code, session]));
    feed.on('samples', ({ epoch }) => blocks.set(epoch, (blocks.get(epoch) ?? 0) + 1));
    await state(feed, 'ended');
    assert.deepEqual([...blocks.values()], [4, 4, 4]);
    assert.deepEqual(warnings, [['two_epochs', 'golden-1']]);
    assert.deepEqual(sessions, [
      ['golden-1', [0], false],
      ['golden-2', [2], false],
      ['golden-1', [1], false],
      ['golden-1', [0, 1], false],
      ['golden-1', [1], false],
      ['golden-1', [], true],
      ['golden-2', [], true],
    ]);
  });
});

test('a refused upgrade is refused with the bridge’s reason', async () => {
  const refuse = () => ({ status: 403, code: 'other_user' });
  await withFeed({ refuse }, { token: 't' }, async (feed) => {
    const change = await state(feed, 'refused');
    assert.deepEqual([change.code, change.reason], ['other_user', 'refused: other_user']);
  });
});

test('an expired token is asked for again and the feed comes up', async () => {
  let asked = 0;
  const refuse = (request) => (/new/.test(request.headers['sec-websocket-protocol'] ?? request.headers.authorization) ? null : { status: 401, code: 'token_expired' });
  await withFeed({ refuse }, { token: async () => (asked++ === 0 ? 'old' : 'new') }, async (feed) => {
    await state(feed, 'waiting');
    assert.equal(asked, 2);
  });
});

test('a refused feed tries again with a new token', async () => {
  const refuse = (request) => (/good/.test(request.headers['sec-websocket-protocol'] ?? request.headers.authorization) ? null : { status: 401, code: 'token_invalid' });
  await withFeed({ refuse }, { token: 'bad' }, async (feed) => {
    await state(feed, 'refused');
    feed.setToken('good');
    await state(feed, 'waiting');
  });
});

test('a final close code ends it with the reason of the goodbye', async () => {
  const onViewer = (viewer) => {
    viewer.send(bye(4503, 'this token reads another user'));
    viewer.close(4503);
  };
  await withFeed({ onViewer }, {}, async (feed, bridge) => {
    const change = await state(feed, 'refused');
    assert.deepEqual([change.code, change.reason], [4503, 'this token reads another user']);
    assert.equal(bridge.requests.length, 1);
  });
});

test('a token that ends is replaced on the open connection', async () => {
  let asked = 0;
  const onViewer = (viewer) => viewer.send(expiring(45));
  await withFeed({ onViewer }, { token: () => `token-${++asked}` }, async (feed, bridge) => {
    await state(feed, 'waiting');
    assert.equal((await firstMessage(bridge))[0], REFRESH);
    assert.equal(bridge.messages[0].subarray(2).toString(), 'token-2');
  });
});

test('a token function that fails is an error and is asked again', async () => {
  let asked = 0;
  const token = () => (asked++ === 0 ? Promise.reject(new Error('offline')) : 'fine');
  await withFeed({}, { token }, async (feed) => {
    const error = await next(feed, 'error');
    assert.equal(error.code, 'token_failed');
    await state(feed, 'waiting');
  });
});

test('pause ends the connection, resume goes on', async () => {
  const closed = [];
  const onViewer = (viewer) => closed.push(once(viewer, 'close'));
  await withFeed({ onViewer }, {}, async (feed) => {
    await state(feed, 'waiting');
    feed.pause();
    assert.equal(feed.state, 'paused');
    await closed[0];
    feed.resume();
    await state(feed, 'waiting');
    assert.equal(closed.length, 2);
  });
});

test('a feed that is closed or paused in the tick that made it never connects', async () => {
  await withFeed({}, {}, async (feed, bridge) => {
    connect(bridge.url, { WebSocket }).close();
    const paused = connect(bridge.url, { WebSocket });
    paused.pause();
    const loading = connect(bridge.url, { WebSocket });
    await Promise.resolve();
    loading.close();
    assert.deepEqual([paused.state, loading.state], ['paused', 'ended']);
    // A feed made after them connects after them.
    const later = connect(bridge.url, { WebSocket });
    await state(later, 'waiting');
    for (const done of [later, paused]) done.close();
    assert.equal(bridge.requests.length, 2, 'those of the first feed and of the last');
    assert.equal(feed.state, 'waiting');
  });
});

test('bad settings throw at once', () => {
  assert.throws(() => connect('nonsense', { WebSocket }), { code: 'bad_url' });
  assert.throws(() => connect('ws://h', { WebSocket, token: 'two words' }), { code: 'bad_token' });
  if (globalThis.WebSocket === undefined) assert.throws(() => connect('ws://h'), { code: 'no_websocket' });
});
