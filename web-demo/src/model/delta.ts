// How far ahead of the reference lap is the car? By place on the lap, not by what the game says.

import { profileAt, type Profile } from './profile';
import type { Session } from './session';

/** Seconds against the reference at the same place, negative when faster; NaN where it cannot be told. */
export function deltaS(session: Session, row: number, reference: Profile | null): number {
  const fraction = session.history.at('lapFraction', row);
  if (reference === null || !(fraction > 0.002)) return NaN;
  const clockS = session.history.at('currentLapMs', row) / 1000;
  const measuredS = (session.history.timeUs(row) - session.laps.startUs) / 1e6;
  return (Number.isNaN(measuredS) ? clockS : measuredS) - profileAt(reference.elapsedS, fraction);
}
