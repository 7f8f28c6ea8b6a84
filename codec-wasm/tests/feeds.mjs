// How do the tests follow a bridge? With a feed over real sockets, which ends with the test, and waits that end in 5 s.

import { WebSocket } from 'ws';

import { connect } from '../pkg/dist/node.js';
import { data, startBridge } from './bridge.mjs';

/** Runs `body` with a feed and a bridge that are stopped whatever happens. */
export async function withFeed(bridgeOptions, feedOptions, body) {
  const bridge = await startBridge(bridgeOptions);
  const feed = connect(bridge.url, { WebSocket, ...feedOptions });
  try {
    await body(feed, bridge);
  } finally {
    feed.close();
    await bridge.stop();
  }
}

/** The next event of this name for which `where` holds; the test fails if none comes within 5 s. */
export function next(feed, name, where) {
  return feed.once(name, { ...(where && { where }), signal: AbortSignal.timeout(5_000) }).catch((error) => {
    throw error.name === 'TimeoutError' ? new Error(`no ${name} event came; the feed is ${feed.state}`) : error;
  });
}

/** The next state of this name; the test fails if it does not come within 5 s. */
export function state(feed, wanted) {
  return next(feed, 'state', ({ state: now }) => now === wanted);
}

/** Sends these records to a viewer, from offset 0 on. */
export function send(viewer, records) {
  records.forEach((record, offset) => viewer.send(data(record, { offset })));
}
