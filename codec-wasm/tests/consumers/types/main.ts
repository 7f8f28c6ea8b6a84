// Does strict TypeScript see every type as documented? Compiled, never run.
import {
  ABSENT,
  CodecError,
  connect,
  Decoder,
  init,
  type Channel,
  type Columns,
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
console.log(feed.clock?.offsetUs, feed.stats.rateHz?.toFixed(1));
feed.close();
