// What do tests drive? A session whose car goes round a circle, each lap as fast as the test says.

import { Session } from './session';

/** What is driven. */
export interface Drive {
  /** Laps, the first from `from` on and the last up to `until` (shares of a lap). */
  laps: number;
  from?: number;
  until?: number;
  /** Laps completed before these. */
  completed?: number;
  /** Seconds that a lap takes. */
  seconds(lap: number): number;
  /** Values of channels that stay the same. */
  constant?: Record<string, number>;
}

const HZ = 50;

/** Drives that, in a new session or on in the given one, and gives the session. */
export function drive({ laps, from = 0, until = 1, completed = 0, seconds, constant = {} }: Drive, session = new Session('s', 1)): Session {
  let us = Number.isNaN(session.newestUs) ? 1e6 : session.newestUs + 1e6 / HZ;
  for (let lap = 0; lap < laps; lap += 1) {
    const n = seconds(lap) * HZ;
    for (let i = Math.round(lap === 0 ? n * from : 0); i < n * (lap === laps - 1 ? until : 1); i += 1) {
      const fraction = i / n;
      const angle = fraction * 2 * Math.PI;
      const columns = Object.entries({
        lapFraction: Float32Array.of(fraction), lapsCompleted: Int32Array.of(completed + lap), speedMps: Float32Array.of(fraction * 100),
        currentLapMs: Int32Array.of((i * 1000) / HZ), positionXM: Float32Array.of(300 * Math.cos(angle)), positionZM: Float32Array.of(300 * Math.sin(angle)),
        sector: Int32Array.of(Math.floor(fraction * 3)),
        ...Object.fromEntries(Object.entries(constant).map(([key, value]) => [key, Float32Array.of(value)])),
      });
      session.push({ session: 's', epoch: 1, length: 1, capturedAtUs: [us], columns: new Map(columns), channels: columns.map(([key]) => key) }, us);
      us += 1e6 / HZ;
    }
  }
  return session;
}
