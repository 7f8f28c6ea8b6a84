// What was in a record? One shape for each kind.

import type { TelemetryEvent } from './events.js';
import type { Facts } from './facts.js';
import type { Schema } from './schema.js';

/** One session's blocks of one encoder start. */
export interface StreamId {
  /** One run of a game. */
  readonly session: string;
  /** Which start of the encoder: a random number below 2^32. */
  readonly epoch: number;
}

/** Blocks of a stream that are missing, by their numbers in it. */
export interface Gap {
  /** Number of the first missing block. */
  readonly firstSeq: number;
  /** Number of the last missing block. */
  readonly lastSeq: number;
}

/** What {@link Decoder.push} found, told apart by `kind`. Valid until the next push; copy what you keep. */
export type Received =
  /** A block: read {@link Decoder.columns}. */
  | ReceivedSamples
  /** The channels of a stream; they come before its first block and are repeated. */
  | (StreamId & { readonly kind: 'schema'; readonly schema: Schema })
  | (StreamId & { readonly kind: 'facts'; readonly facts: Facts })
  | (StreamId & { readonly kind: 'event'; readonly event: TelemetryEvent })
  /** The stream is over; `gap` is what is missing at its end. */
  | (StreamId & { readonly kind: 'end'; readonly gap: Gap | null })
  /** A block that was decoded before. */
  | { readonly kind: 'repeat' }
  /**
   * A block that cannot be decoded because one before it is missing; samples of its epoch go on with the next key block.
   * `gap` is what is missing so far, this block included; null if none of its epoch was decoded yet.
   */
  | { readonly kind: 'waiting'; readonly epoch: number; readonly gap: Gap | null }
  /** A kind of record or event that this version does not know. */
  | { readonly kind: 'skipped' };

/** A decoded block. */
export interface ReceivedSamples extends StreamId {
  readonly kind: 'samples';
  /** Number of samples, 1 to 256. */
  readonly length: number;
  /** Number of the block in its stream. */
  readonly seq: number;
  /** The blocks that are missing before this one, if any. */
  readonly gap: Gap | null;
}
