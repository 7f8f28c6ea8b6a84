// What does the page need from a source of telemetry? The part of the npm package's feed that it uses, and no more.
//
// `connection.ts` gives it over the network; `dev/` gives synthetic laps while the page is being worked on.

import type { ClockOffset, Facts as SessionFacts, FeedSamples, FeedState, FeedStats } from 'purple-sector-codec';

import type { Columns } from './model/history';
import type { LapEvent } from './model/lap';

export type { FeedState };

/** Consecutive samples of one stream. The columns are valid only during the call. */
export interface Samples extends Pick<FeedSamples, 'session' | 'epoch' | 'length'> {
  /** Unix microseconds on the driver's clock. */
  capturedAtUs: ArrayLike<number>;
  columns: Columns;
  /** The channels that the stream carries. */
  channels: readonly string[];
}

/** What a session is: as far as its source knows. */
export type Facts = Partial<SessionFacts>;

/** Driver's clock to page's clock: page time = driver time + offset, give or take the uncertainty. */
export type Clock = ClockOffset;

/** What went wrong so far, by number. */
export type FeedCounts = Pick<FeedStats, 'gaps' | 'repeats' | 'reconnects'>;

/** Gets what a feed brings. */
export interface FeedListener {
  onSamples(samples: Samples): void;
  onFacts(session: string, facts: Facts): void;
  onLap(session: string, lap: LapEvent): void;
  onEnd(session: string): void;
}

/** A source of one user's telemetry. */
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
