// What of the traces is on the canvas already, and what must be drawn again? No canvas here, so tests can ask.

import type { SectorMark } from '../model/lap';
import type { Profile } from '../model/profile';
import type { Session } from '../model/session';
import { hasLapFraction, type View } from '../view';
import { SPAN_S } from './axis';
import { LANES, Ranges } from './lanes';

/** What a frame has to draw before it strokes the rows that are new. */
export interface Redraw {
  /** Grid and reference lap. */
  base: boolean;
  /** The live layer is emptied: nothing that was on it stays. */
  live: boolean;
}

/** What is on the canvas of the traces. */
export class TracesProgress {
  /** The vertical ranges in use: as the values of this session need them, and of no other. */
  ranges = new Ranges();
  /** Whether the axis is the lap; otherwise it is time. */
  overLap = true;
  /** First row of the lap drawn. */
  lapRow = 0;
  /** Rows before this one are on the live layer. */
  drawnRow = 0;
  /** Time at the right edge of a time axis. */
  rightUs = NaN;
  /** Rows before this one are within the ranges. */
  #rangedRow = 0;
  #session: Session | null = null;
  #reference: Profile | null = null;
  #marks: readonly SectorMark[] = [];
  #trackLengthM: number | undefined;

  /** What to draw again for this view; `resized` when the layers are empty. */
  next(view: View, resized: boolean): Redraw {
    const { session, reference, marks, trackLengthM } = view;
    const other = session !== this.#session;
    if (other) this.#begin(session);
    const overLap = session === null || hasLapFraction(view) || (view.endRow === 0 && this.overLap);
    const grew = this.#grow(view);
    const both = resized || other || grew || overLap !== this.overLap;
    const base = both || reference !== this.#reference || marks !== this.#marks || trackLengthM !== this.#trackLengthM;
    const live = both || view.endRow < this.drawnRow || (overLap && view.lapRow !== this.lapRow);
    this.#reference = reference;
    this.#marks = marks;
    this.#trackLengthM = trackLengthM;
    this.overLap = overLap;
    if (live) this.#restart(view);
    return { base, live };
  }

  #begin(session: Session | null): void {
    this.#session = session;
    this.ranges = new Ranges();
    this.#rangedRow = session?.history.begin ?? 0;
  }

  /** Makes room for the rows that are new; true if a range grew. */
  #grow({ session, endRow, maxRpm }: View): boolean {
    if (session === null) return false;
    let grew = false;
    LANES.forEach((lane, i) => {
      for (let row = this.#rangedRow; row < endRow; row += 1) {
        if (this.ranges.include(i, session.history.at(lane.channel, row) * lane.factor)) grew = true;
      }
      if (lane.channel === 'engineRpm' && this.ranges.include(i, maxRpm)) grew = true;
    });
    this.#rangedRow = endRow;
    return grew;
  }

  /** From now on, the next stroke draws everything that belongs on the live layer. */
  #restart({ session, endRow, lapRow }: View): void {
    this.lapRow = lapRow;
    if (session === null) this.drawnRow = 0;
    else {
      const { history } = session;
      this.rightUs = history.timeUs(endRow - 1);
      this.drawnRow = this.overLap ? lapRow : history.rowAt(this.rightUs - SPAN_S * 1e6, history.begin, endRow);
    }
  }
}
