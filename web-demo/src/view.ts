// What is on the screen right now? One session up to one row: the newest, or where the viewer paused.

import type { Session } from './model/session';

/** What every picture and panel draws from; changes once per frame. */
export interface View {
  session: Session | null;
  /** Rows before this one are shown. */
  endRow: number;
  /** The moment that moving things show, on the driver's clock. */
  momentUs: number;
  paused: boolean;
  /** Where the crosshair stands: a place on the lap, or seconds before the right edge; null without one. */
  hover: number | null;
}

export const emptyView = (): View => ({ session: null, endRow: 0, momentUs: NaN, paused: false, hover: null });

/** Whether the session tells places on the lap; otherwise pictures fall back to time. */
export function hasLapFraction(view: View): boolean {
  return view.session !== null && view.session.history.at('lapFraction', view.endRow - 1) >= 0;
}
