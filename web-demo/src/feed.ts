// What does the page need from a source of telemetry? The part of the npm package's feed that it uses, and no more.
//
// `connection.ts` gives it over the network; `dev/` gives synthetic laps while the page is being worked on.

import type { Columns } from './model/history';
import type { LapEvent } from './model/lap';

/** Consecutive samples of one stream. The columns are valid only during the call. */
export interface Samples {
  session: string;
  epoch: number;
  length: number;
  /** Unix microseconds on the driver's clock. */
  capturedAtUs: ArrayLike<number>;
  columns: Columns;
  /** The channels that the stream carries. */
  channels: readonly string[];
}

/** What a session is: as far as its source knows. */
export interface Facts {
  game?: string;
  car?: string;
  track?: string;
  trackLengthM?: number;
  driver?: string;
  tyreCompound?: string;
}

/** Driver's clock to page's clock: page time = driver time + offset, give or take the uncertainty. */
export interface Clock {
  offsetUs: number;
  uncertaintyUs: number;
}

export type FeedState = 'connecting' | 'waiting' | 'live' | 'stale' | 'paused' | 'replay' | 'refused' | 'ended';

export interface FeedCounts {
  /** Places where samples are missing. */
  gaps: number;
  /** Records that came twice and were dropped. */
  repeats: number;
  reconnects: number;
}

export interface FeedListener {
  samples(samples: Samples): void;
  facts(session: string, facts: Facts): void;
  lap(session: string, lap: LapEvent): void;
  ended(session: string): void;
}

export interface Feed {
  readonly state: FeedState;
  /** Why it was refused or ended, in words for a person; empty otherwise. */
  readonly reason: string;
  readonly user: string;
  readonly counts: FeedCounts;
  /** Null where the offset between the clocks is unknown. */
  clock(session: string): Clock | null;
  listen(listener: FeedListener): void;
}
