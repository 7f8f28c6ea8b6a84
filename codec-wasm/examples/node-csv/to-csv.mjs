// A session as CSV: node to-csv.mjs wss://bridge.example/v1/stream > session.csv
// The token, where the bridge wants one, is read from PURPLE_SECTOR_TOKEN. Ends with the session, or with Ctrl+C.

import { once } from 'node:events';

import { connect } from 'purple-sector-codec';
import { WebSocket } from 'ws'; // Node 22 and newer have one of their own

const CHANNELS = ['speedMps', 'throttle', 'brake', 'gear'];

const bridge = process.argv[2];
if (bridge === undefined) {
  console.error('to-csv: give the address of a bridge: node to-csv.mjs wss://bridge.example/v1/stream');
  process.exit(2);
}
const stop = new AbortController();
process.once('SIGINT', () => stop.abort());

const token = process.env.PURPLE_SECTOR_TOKEN;
const feed = connect(bridge, { WebSocket, signal: stop.signal, ...(token && { token }) });
feed.on('state', ({ state, reason }) => {
  console.error(`to-csv: ${reason ?? state}`);
  if (state === 'ended') feed.close();
});
feed.on('gap', ({ n, reason }) => console.error(`to-csv: ${n ?? 'some'} blocks are missing (${reason})`));

console.log(['session', 'capturedAtUs', ...CHANNELS].join(','));
for await (const { session, length, capturedAtUs, columns, dropped } of feed.samples({ limit: 10_000 })) {
  if (dropped > 0) console.error(`to-csv: ${dropped} blocks came faster than they could be written`);
  let lines = '';
  for (let row = 0; row < length; row++) {
    const sample = columns.sample(row);
    lines += `${[session, capturedAtUs[row], ...CHANNELS.map((key) => sample[key] ?? '')].join(',')}\n`;
  }
  if (!process.stdout.write(lines)) await once(process.stdout, 'drain');
}
