// Does strict TypeScript see every type as documented? Compiled, never run.

import {
  ABSENT,
  CodecError,
  connect,
  Decoder,
  History,
  init,
  type Channel,
  type Columns,
  type ConnectOptions,
  type Facts,
  type Feed,
  type FeedState,
  type Gap,
  type Sample,
} from 'purple-sector-codec';

await init();
await init(new URL('https://example.org/codec.wasm'));
await init(new Uint8Array(8));

const decoder = new Decoder();
const got = decoder.push(new Uint8Array());
if (got.kind === 'samples') {
  const gap: Gap | null = got.gap;
  const speed: Float32Array = decoder.columns.speedMps;
  const gear: Int32Array = decoder.columns.gear;
  const own: Float32Array | Int32Array | undefined = decoder.columns.get('myOwn');
  console.log(gap?.firstSeq, speed[got.length - 1], gear[0] === ABSENT, own?.length, got.session.length);
} else if (got.kind === 'event' && got.event.type === 'lapFinished') {
  const seconds: number = got.event.lap.timeMs / 1000;
  console.log(seconds);
} else if (got.kind === 'facts') {
  const facts: Facts = got.facts;
  console.log(facts.game?.toUpperCase());
}
// @ts-expect-error: no such channel
console.log(decoder.columns.sped);
// @ts-expect-error: a record is bytes
decoder.push('text');
// @ts-expect-error: the inside of the package is not in its types
decoder.pushMessage(new Uint8Array());
// @ts-expect-error: feeds are made by connect
await import('purple-sector-codec').then(({ Feed }) => new Feed());

const latest: Sample | null = decoder.latest();
const throttle: number | undefined = latest?.throttle;
const channels: readonly Channel[] | undefined = decoder.schema?.channels;
console.log(throttle, channels?.length);

const feed: Feed = connect('wss://example.org/v1/stream', { token: async () => 'a.b.c', lastSeconds: 60 });
feed.on('samples', ({ columns, capturedAtUs, receivedAtUs }: { columns: Columns; capturedAtUs: Float64Array; receivedAtUs: number }) => {
  console.log(columns.tyreCoreTempCFl[0], capturedAtUs[0], receivedAtUs);
});
const off: () => void = feed.on('state', ({ state, reason, ageMs }) => {
  const known: FeedState = state;
  console.log(known, reason?.length, ageMs?.toFixed());
});
off();
feed.on('error', (error) => console.log(error instanceof CodecError, error.code));
// @ts-expect-error: no such event
feed.on('sample', () => {});

const { facts } = await feed.once('facts', { signal: AbortSignal.timeout(1_000) });
await feed.once('state', { where: ({ state }) => state === 'live' });
console.log(facts.track?.length, feed.latest()?.speedMps?.toFixed(), feed.schema?.hash, feed.columns.gear.length);
feed.on('warning', ({ code, message }) => console.log(code === 'no_cursor', message.length), { signal: new AbortController().signal });
for await (const { columns, dropped } of feed) console.log(columns.speedMps.at(-1)?.toFixed(), dropped.toFixed());
const settings: ConnectOptions = { staleAfterMs: 2_000, firstRetryMs: 100, longestRetryMs: 5_000, signal: AbortSignal.timeout(1) };
console.log(settings, feed.bridge?.cursor === true);

// Channels of one's own, by an interface that says what they are.
interface Rig {
  seatForceN: Float32Array;
  pedalFault: Int32Array;
}
const rig = connect<Rig>('wss://example.org/v1/stream');
rig.on('samples', ({ columns }) => {
  const force: Float32Array = columns.seatForceN;
  const fault: Int32Array | undefined = columns.get('pedalFault');
  // @ts-expect-error: no such channel, in the table or of one's own
  console.log(force.length, fault?.length, columns.speedMps.length, columns.seatForce);
});
const newest: number | undefined = rig.latest()?.seatForceN;
const ownDecoder = new Decoder<Rig>();
console.log(newest, ownDecoder.columns.pedalFault.length, ownDecoder.latest()?.pedalFault?.toFixed());

const history = rig.history({ channels: ['speedMps', 'seatForceN'], rows: 3_600 });
const [times, ...channelsOfHistory]: [Float64Array, ...Float32Array[]] = history.data(30);
console.log(times.length, channelsOfHistory.length, history.column('seatForceN').length, new History({ channels: ['gear'] }).end);
// @ts-expect-error: no such channel
rig.history({ channels: ['seatForce'] });

{
  using scoped = new Decoder();
  using live = connect('wss://example.org/v1/stream');
  console.log(scoped.columns.length, live.state);
}
console.log(feed.clock?.offsetUs, feed.stats.rateHz?.toFixed(1));
feed.close();
