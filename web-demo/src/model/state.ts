// What is the viewer's state? One word of DESIGN's list, and what a person should know about it.

import type { FeedState } from '../feed';
import { age } from './format';

/** All that the state depends on. */
export interface Situation {
  feed: FeedState;
  /** Why the feed was refused or ended; empty if it did not say. */
  reason: string;
  paused: boolean;
  /** The session shown; null before the first. */
  session: { ageMs: number; ended: boolean; replay: boolean } | null;
  /** How far the picture is behind the newest sample, in milliseconds. */
  behindMs: number;
}

/** The state as the page shows it. */
export interface Shown {
  state: FeedState;
  /** The state in capitals, as the pill shows it. */
  label: string;
  /** Age, distance or reason; may be empty. */
  detail: string;
}

/** Without a sample for this long, the picture is stale. */
export const STALE_MS = 500;

const LABELS: Record<FeedState, string> = {
  connecting: 'CONNECTING',
  waiting: 'WAITING',
  live: 'LIVE',
  stale: 'STALE',
  paused: 'PAUSED',
  replay: 'REPLAY',
  refused: 'REFUSED',
  ended: 'ENDED',
};

/** The state of the viewer in this situation. */
export function shownState(now: Situation): Shown {
  const [state, detail] = stateOf(now);
  return { state, label: LABELS[state], detail };
}

function stateOf({ feed, reason, paused, session, behindMs }: Situation): [FeedState, string] {
  if (feed === 'refused') return ['refused', reason];
  if (paused) return ['paused', `${age(behindMs)} behind`];
  if (feed === 'connecting') return ['connecting', session === null ? '' : `last sample ${age(session.ageMs)} ago`];
  if (session?.ended === true || feed === 'ended') return ['ended', reason];
  if (session === null) return ['waiting', ''];
  if (session.ageMs > STALE_MS) return ['stale', age(session.ageMs)];
  return session.replay || feed === 'replay' ? ['replay', ''] : ['live', ''];
}
