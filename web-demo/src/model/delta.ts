// How far ahead of the reference lap is the car? By place on the lap, not by what the game says.

import { profileAt } from './profile';
import type { Session } from './session';

/** Seconds against the reference at the same place, negative when faster; NaN where it cannot be told. */
export function deltaS(session: Session): number {
  const { history, laps, reference } = session;
  const row = history.end - 1;
  const fraction = history.at('lapFraction', row);
  if (reference === null || !(fraction > 0.002) || laps.linesAhead !== 0) return NaN;
  const clockS = history.at('currentLapMs', row) / 1000;
  const measuredS = (history.timeUs(row) - laps.startUs) / 1e6;
  return (Number.isNaN(measuredS) ? clockS : measuredS) - profileAt(reference.elapsedS, fraction);
}
