// Where on the plot is a sample? Over the distance of the lap, or over the last seconds.

import type { History } from '../model/history';

/** How much past a time axis shows. */
export const SPAN_S = 30;

/** A tick of the axis: where it is, in CSS pixels, and what stands under it. */
export interface Tick {
  x: number;
  text: string;
}

/** Ticks of a lap: kilometres where the length of the track is known, else percent. */
export function lapTicks(width: number, trackLengthM: number | undefined): Tick[] {
  if (trackLengthM !== undefined && trackLengthM > 0) {
    const km = trackLengthM / 1000;
    const step = width / km < 56 ? 2 : 1;
    return Array.from({ length: Math.floor(km / step) + 1 }, (_, i) => ({ x: ((i * step) / km) * width, text: i === 0 ? '0 km' : String(i * step) }));
  }
  const step = width < 500 ? 20 : 10;
  return Array.from({ length: 100 / step + 1 }, (_, i) => ({ x: (i * step * width) / 100, text: i === 0 ? '0 %' : String(i * step) }));
}

/** Ticks of the last seconds, newest at the right. */
export function timeTicks(width: number): Tick[] {
  return Array.from({ length: SPAN_S / 5 + 1 }, (_, i) => ({
    x: (i * 5 * width) / SPAN_S,
    text: i * 5 === SPAN_S ? 'now' : `\u2212${SPAN_S - i * 5} s`,
  }));
}

/** The row of a lap (rows `from` up to `to`) at `fraction`; -1 where the car has not been yet. */
export function rowOnLap(history: History, fraction: number, from: number, to: number): number {
  const row = history.rowAtFraction(fraction, from, to);
  return row < to ? row : -1;
}

/** The row captured `secondsAgo` before row `to - 1`; -1 where nothing was captured yet. */
export function rowInTime(history: History, secondsAgo: number, to: number): number {
  const wantedUs = history.timeUs(to - 1) - secondsAgo * 1e6;
  const row = history.rowAt(wantedUs, history.begin, to);
  return row < to && history.timeUs(history.begin) <= wantedUs ? row : -1;
}
