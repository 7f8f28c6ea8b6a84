// What does a feed tell the page? The states, and what each event carries.

import type { Columns } from '../columns.js';
import type { CodecError } from '../errors.js';
import type { TelemetryEvent } from '../events.js';
import type { Facts } from '../facts.js';
import type { Gap, StreamId } from '../received.js';
import type { Channel, Schema } from '../schema.js';
import type { ClockOffset } from './clock.js';

/**
 * - `connecting`: no connection; the feed keeps trying.
 * - `waiting`: connected, no session yet.
 * - `live`: samples come.
 * - `stale`: samples came, but none for more than 500 ms, or for 1.5 times the usual time between two blocks if that is
 *   longer; `feed.ageMs` says for how long.
 * - `paused`: by {@link Feed.pause}.
 * - `replay`: samples come from the log, before the live ones.
 * - `refused`: it does not try again until {@link Feed.setToken} or {@link Feed.resume}; `reason` says why.
 * - `ended`: every session said that it is over, or {@link Feed.close} was called.
 */
export type FeedState = 'connecting' | 'waiting' | 'live' | 'stale' | 'paused' | 'replay' | 'refused' | 'ended';

/** A new state. */
export interface StateChange {
  readonly state: FeedState;
  /** Time since the last samples, in ms; null if there were none. */
  readonly ageMs: number | null;
  /** Why, in words for a person; null if the state says it all. */
  readonly reason: string | null;
  /** The close code or the bridge's error code behind it, if there is one. */
  readonly code: number | string | null;
}

/** A block of samples. Each event brings the same object with new content: copy what you keep. */
export interface FeedSamples<Own extends object = {}> extends StreamId {
  /** Number of samples, 1 to 256. */
  readonly length: number;
  /** The values, valid until the next block. */
  readonly columns: Columns<Own>;
  /** When each was captured: Unix µs on the driver's clock. `feed.clock` converts it to this page's clock. */
  readonly capturedAtUs: Float64Array;
  /** The channels, in the stream's order. */
  readonly schema: Schema;
  /** When the broker took the block, in Unix ms on its clock. */
  readonly brokerTimeMs: number;
  /** The partition of the user's topic that it comes from, and its offset there. */
  readonly partition: number;
  readonly offset: number;
  /** Whether it is from before now: kept for viewers that join, or read from the log. */
  readonly snapshot: boolean;
  /** When it reached the page: Unix µs on the page's clock. */
  readonly receivedAtUs: number;
  /** The blocks missing before it, if any. */
  readonly gap: Gap | null;
}

/** A copy of a block of samples, for the loop over {@link Feed.samples}. */
export interface FeedBlock<Own extends object = {}> extends FeedSamples<Own> {
  /** How many blocks before this one were dropped, because the loop was slower than they came. */
  readonly dropped: number;
}

/** Records or blocks that are missing. */
export interface FeedGap {
  /** Who noticed: the decoder, by a hole in a stream (`stream`), or the bridge (`bridge`). */
  readonly from: 'stream' | 'bridge';
  /** Why they are missing, as far as the bridge says; `missing` for holes in a stream. */
  readonly reason: 'missing' | 'slow' | 'retention' | 'topicReplaced' | 'unreadable' | 'unknown';
  /** How many blocks or records; null if unknown. */
  readonly n: number | null;
  /** The session, for holes in a stream. */
  readonly session: string | null;
  /** The partition, for gaps that the bridge reports. */
  readonly partition: number | null;
}

/** A session's facts. */
export interface FeedFacts extends StreamId {
  readonly facts: Facts;
}

/** Something that happened in a session. */
export interface FeedEvent extends StreamId {
  readonly event: TelemetryEvent;
}

/** The channels of a stream, before its first samples. */
export interface FeedSchema extends StreamId {
  readonly schema: Schema;
  readonly channels: readonly Channel[];
}

/** A session as it is at one moment: a change makes a new object, except a change of the rate. */
export interface FeedSession {
  readonly session: string;
  /** The encoder start that was heard of last. */
  readonly epoch: number;
  /** The encoder starts that send: one, none after its end, or more if two collectors use the same session id. */
  readonly epochs: readonly number[];
  readonly facts: Facts | null;
  readonly ended: boolean;
  /** The source's real rate at the moment, in samples per second; null while unknown. */
  readonly rateHz: number | null;
}

/** What the bridge said about itself. */
export interface FeedBridge {
  /** Whose telemetry it serves here. */
  readonly user: string;
  /** Version of the bridge protocol. */
  readonly version: number;
  /** Whether a new connection goes on where the last one ended, so that nothing is missing in between. */
  readonly cursor: boolean;
  /** Whether it serves {@link ConnectOptions.lastSeconds}. */
  readonly lastSeconds: boolean;
}

/** Something that does not work as the page may expect. Each is reported once; without a listener, in the console. */
export interface FeedWarning {
  /**
   * Stable name. `two_epochs`: two collectors send as the same session. `no_last_seconds` and `no_cursor`: the bridge
   * cannot serve from the log, so the samples from before are missing.
   */
  readonly code: 'two_epochs' | 'no_last_seconds' | 'no_cursor';
  /** For a person. */
  readonly message: string;
  /** The session that it concerns, if any. */
  readonly session: string | null;
}

/** An error after which the feed goes on. */
export type FeedError = CodecError;

/** What has happened since {@link connect}. */
export interface FeedStats {
  readonly samples: number;
  readonly blocks: number;
  /** Bytes of all messages together. */
  readonly bytes: number;
  /** Holes, in streams or announced by the bridge. */
  readonly gaps: number;
  /** Blocks and records that are missing in them, as far as known. */
  readonly missing: number;
  /** Blocks that came again and were dropped. */
  readonly repeats: number;
  /** Records that could not be read. */
  readonly errors: number;
  /** Connections after the first. */
  readonly reconnects: number;
  /** Samples per second of the session heard last, by their own time; null while unknown. */
  readonly rateHz: number | null;
}

/** Which events there are, and what their listeners get. */
export interface FeedEvents<Own extends object = {}> {
  samples: FeedSamples<Own>;
  state: StateChange;
  facts: FeedFacts;
  event: FeedEvent;
  gap: FeedGap;
  schema: FeedSchema;
  /** A session appeared, changed or ended. */
  session: FeedSession;
  /** The offset from the driver's clock to the page's became known, better or unknown. */
  clock: ClockOffset | null;
  warning: FeedWarning;
  error: FeedError;
}
