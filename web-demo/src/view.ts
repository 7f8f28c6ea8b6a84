// What is on the screen right now? One session at one moment: the newest, or the one at which the viewer paused.

import { deltaS } from './model/delta';
import type { SectorMark } from './model/lap';
import type { Profile } from './model/profile';
import type { Session } from './model/session';
import type { TrackLine } from './model/track';

/**
 * All that pictures draw from. Everything but the crosshair changes only in {@link follow} and {@link pause}, so that all parts of a
 * paused picture show one moment: anything that a picture read from the session itself would go on.
 */
export interface View {
  session: Session | null;
  /** Rows before this one are shown. */
  endRow: number;
  /** First row of the lap shown; it may be overwritten already. */
  lapRow: number;
  /** The moment that moving things show, on the driver's clock. */
  momentUs: number;
  /** Seconds against the reference lap, negative when faster; NaN where it cannot be told. */
  deltaS: number;
  /** The lap that traces and delta are compared with. */
  reference: Profile | null;
  track: TrackLine | null;
  trackLengthM: number | undefined;
  /** Where sectors begin. */
  marks: readonly SectorMark[];
  /** The engine's highest speed: the game's limit, else the highest seen; 0 before the first. */
  maxRpm: number;
  paused: boolean;
  /** Where the crosshair stands: a place on the lap, or seconds before the right edge; null without one. */
  hover: number | null;
}

/** A view of nothing. */
export const emptyView = (): View => ({
  session: null, endRow: 0, lapRow: 0, momentUs: NaN, deltaS: NaN, reference: null, track: null, trackLengthM: undefined, marks: [], maxRpm: 0,
  paused: false, hover: null,
});

/** Moves the view to the newest sample of `session` (null: there is none yet), at `nowUs` on the page's clock. */
export function follow(view: View, session: Session | null, nowUs: number): void {
  view.session = session;
  view.endRow = session?.history.end ?? 0;
  view.lapRow = session?.laps.current?.firstRow ?? 0;
  view.momentUs = session?.playhead.at(nowUs, session.newestUs) ?? NaN;
  view.deltaS = session === null ? NaN : deltaS(session);
  view.reference = session?.reference ?? null;
  view.track = session?.track ?? null;
  view.trackLengthM = session?.facts.trackLengthM;
  view.marks = session?.laps.sectorMarks ?? [];
  view.maxRpm = session?.maxRpm ?? 0;
}

/** Stops the view where it is: at its newest sample, moving things too. */
export function pause(view: View): void {
  if (view.session === null) return;
  view.paused = true;
  view.momentUs = view.session.history.timeUs(view.endRow - 1);
}

/** Whether the session tells places on the lap; otherwise pictures fall back to time. */
export function hasLapFraction(view: View): boolean {
  return view.session !== null && view.session.history.at('lapFraction', view.endRow - 1) >= 0;
}
