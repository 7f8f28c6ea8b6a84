// What is public, whatever the page runs in?

export type { BlockColumns, Columns, Sample } from './columns.js';
export { Decoder } from './decoder.js';
export { CodecError } from './errors.js';
export type { LapSummary, OtherCar, TelemetryEvent } from './events.js';
export type { Facts } from './facts.js';
export type { ConnectOptions, Feed, ListenOptions, WebSocketConstructor, WebSocketLike } from './feed/feed.js';
export type { ClockOffset } from './feed/clock.js';
export type {
  FeedBlock,
  FeedBridge,
  FeedError,
  FeedEvent,
  FeedEvents,
  FeedFacts,
  FeedGap,
  FeedSamples,
  FeedSchema,
  FeedSession,
  FeedState,
  FeedStats,
  FeedWarning,
  StateChange,
} from './feed/types.js';
export { ABSENT, type ChannelColumns, type ChannelValues } from './fields.js';
export { History, type ChannelKey, type HistoryBlock, type HistoryOptions } from './history.js';
export type { Gap, Received, StreamId } from './received.js';
export type { Channel, Schema } from './schema.js';
export type { WasmSource } from './wasm.js';
