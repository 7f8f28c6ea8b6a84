// What did one lap look like over its distance? Each channel at evenly spaced places of the lap.
//
// A profile outlives the history's rows, so the reference lap stays when its samples are overwritten.

import { HISTORY_CHANNELS, type History, type HistoryChannel } from './history';
import type { Lap } from './lap';

/** Places per lap: about one per pixel of a wide screen, 2 to 6 m apart. */
const N_PLACES = 1500;
/** A lap must be known this far to its ends to serve as a reference. */
const MAX_END_MISSING = 0.02;

/** A lap by its places instead of its times. */
export interface Profile {
  lapNumber: number;
  timeMs: number;
  /** Seconds since the line at each place. */
  elapsedS: Float32Array;
  columns: Record<HistoryChannel, Float32Array>;
}

/** The profile of a finished lap; null where it was not seen from line to line or has no lap fraction. */
export function profileOf(history: History, lap: Lap): Profile | null {
  if (!lap.whole || lap.timeMs === null || lap.firstRow < history.begin || lap.endRow - lap.firstRow < 2) return null;
  const rows = risingRows(history, lap);
  const first = rows[0];
  const last = rows.at(-1);
  if (first === undefined || last === undefined) return null;
  const fraction = (row: number): number => history.at('lapFraction', row);
  if (fraction(first) > MAX_END_MISSING || fraction(last) < 1 - MAX_END_MISSING) return null;

  // Samples rarely fall on the line itself: the lap began a little before its first row.
  const spanS = (history.timeUs(last) - history.timeUs(first)) / 1e6;
  const beforeFirstS = (fraction(first) * spanS) / (fraction(last) - fraction(first));
  const elapsedS = (row: number): number => beforeFirstS + (history.timeUs(row) - history.timeUs(first)) / 1e6;
  const columns = Object.fromEntries(
    HISTORY_CHANNELS.map((channel) => [channel, along(rows, fraction, (row) => history.at(channel, row))]),
  ) as Record<HistoryChannel, Float32Array>;
  return { lapNumber: lap.number, timeMs: lap.timeMs, elapsedS: along(rows, fraction, elapsedS), columns };
}

/** The value of one of a profile's columns at `fraction` of the lap. */
export function profileAt(column: Float32Array, fraction: number): number {
  const place = Math.min(Math.max(fraction, 0), 1) * (column.length - 1);
  const low = Math.min(Math.floor(place), column.length - 2);
  const a = column[low] as number;
  const b = column[low + 1] as number;
  return a + (b - a) * (place - low);
}

/** The rows of a lap whose fraction rises: standing still, reversing and the sample on the other side of the line go. */
function risingRows(history: History, lap: Lap): number[] {
  const rows: number[] = [];
  let highest = -1;
  for (let row = lap.firstRow; row < lap.endRow; row += 1) {
    const fraction = history.at('lapFraction', row);
    // A first sample that still says 0.999 belongs to the lap before.
    if (!(fraction > highest) || (rows.length < 5 && fraction > 0.9)) continue;
    highest = fraction;
    rows.push(row);
  }
  return rows;
}

function along(rows: number[], fraction: (row: number) => number, value: (row: number) => number): Float32Array {
  const column = new Float32Array(N_PLACES);
  let next = 1;
  for (let place = 0; place < N_PLACES; place += 1) {
    const at = place / (N_PLACES - 1);
    while (next < rows.length - 1 && fraction(rows[next] as number) < at) next += 1;
    const a = rows[next - 1] as number;
    const b = rows[next] as number;
    const share = (at - fraction(a)) / (fraction(b) - fraction(a));
    column[place] = value(a) + (value(b) - value(a)) * Math.min(Math.max(share, 0), 1);
  }
  return column;
}
