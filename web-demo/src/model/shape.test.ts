import { expect, it } from 'vitest';

import { deltaS } from './delta';
import { drive } from './drive';
import { profileAt, profileOf } from './profile';
import { Session } from './session';

it('a whole lap becomes a profile over its distance', () => {
  const session = drive({ laps: 2, seconds: () => 20 });
  const reference = session.reference;
  expect(reference).toMatchObject({ lapNumber: 1, timeMs: 20_000 });
  if (reference === null) return;
  expect(profileAt(reference.columns.speedMps, 0.5)).toBeCloseTo(50, 0);
  expect(profileAt(reference.elapsedS, 0.25)).toBeCloseTo(5, 1);
});

it('the fastest lap is the reference', () => {
  expect(drive({ laps: 4, seconds: (lap) => [22, 20, 21, 25][lap] as number }).reference?.lapNumber).toBe(2);
});

it('a lap that was joined on the way is not a reference', () => {
  const session = drive({ laps: 2, seconds: () => 20 });
  const first = session.laps.laps[0];
  expect(first && profileOf(session.history, { ...first, whole: false })).toBeNull();
  expect(first && profileOf(session.history, { ...first, firstRow: 400 })).toBeNull();
});

it('delta is the time lost at the same place', () => {
  const session = drive({ laps: 2, until: 0.5, seconds: (lap) => 20 + lap * 4 });
  expect(deltaS(session)).toBeCloseTo(2, 1);
  session.reference = null;
  expect(deltaS(session)).toBeNaN();
});

/** The deltas of a car that drives 3.2 laps, each in 20 s, its counter `late` samples after the fraction. */
function deltas(late: number): number[] {
  const session = new Session('s', 1);
  const known: number[] = [];
  for (let i = 0; i < 3200; i += 1) {
    const columns = Object.entries({
      lapFraction: Float32Array.of((i / 1000) % 1), lapsCompleted: Int32Array.of(Math.max(0, Math.floor((i - late) / 1000))),
      currentLapMs: Int32Array.of(((i - late + 1000) % 1000) * 20),
    });
    session.push({ session: 's', epoch: 1, length: 1, capturedAtUs: [1e6 + i * 20_000], columns: new Map(columns), channels: [] }, 0);
    const delta = deltaS(session);
    if (!Number.isNaN(delta)) known.push(delta);
  }
  return known;
}

it.each([-3, -1, 0, 1, 3, 7])('no delta is a whole lap when the counter changes %i samples after the fraction', (late) => {
  const known = deltas(late);
  expect(Math.max(...known.map(Math.abs))).toBeLessThan(0.5);
  expect(known.length).toBeGreaterThan(1150);
});

it('the first clean lap becomes the track, with its sectors', () => {
  const { track } = drive({ laps: 2, seconds: () => 20 });
  expect(track?.x.length).toBeGreaterThan(200);
  expect(track?.ticks.map((tick) => tick.sector)).toEqual([0, 1, 2]);
  expect([track?.minX, track?.maxX].map((x) => Math.round(x ?? 0))).toEqual([-300, 300]);
});

it('samples served again are not counted twice', () => {
  const session = drive({ laps: 1, seconds: () => 20 });
  const { end } = session.history;
  session.push({ session: 's', epoch: 1, length: 1, capturedAtUs: [session.newestUs], columns: new Map(), channels: [] }, 0);
  expect(session.history.end).toBe(end);
});
