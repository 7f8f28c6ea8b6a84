import { describe, expect, it } from 'vitest';

import { bestSectorsMs, gradesOf } from './grade';
import type { LapSample } from './lap';
import { LapTracker } from './laps';

const ABSENT: Omit<LapSample, 'row' | 'timeUs'> = {
  lapsCompleted: NaN, lapFraction: NaN, currentLapMs: NaN, lastLapMs: NaN, sector: NaN, lastSectorMs: NaN, lapValid: NaN, inPit: NaN,
};

/** Drives laps of 10 s each at 20 Hz; `say` chooses what the game tells. */
function drive(laps: number, say: (at: { ms: number; lap: number; lapMs: number }) => Partial<LapSample>): LapTracker {
  const tracker = new LapTracker();
  for (let row = 0; row <= laps * 200 + 50; row += 1) {
    const ms = row * 50;
    const lap = Math.floor(ms / 10_000);
    tracker.push({ ...ABSENT, row, timeUs: ms * 1000, ...say({ ms, lap, lapMs: ms - lap * 10_000 }) });
  }
  return tracker;
}

describe('laps from channels', () => {
  it('ends a lap when the counter changes and takes the published time', () => {
    const tracker = drive(3, ({ lap, lapMs }) => ({
      lapsCompleted: lap, currentLapMs: lapMs, lastLapMs: lap > 0 ? 9_990 + lap : NaN,
    }));
    expect(tracker.laps.map((lap) => [lap.number, lap.timeMs])).toEqual([[1, 9_991], [2, 9_992], [3, 9_993]]);
    expect(tracker.laps.map((lap) => lap.settled)).toEqual([true, true, true]);
    expect(tracker.current?.number).toBe(4);
  });

  it('waits for a time that the game publishes late', () => {
    const tracker = drive(2, ({ lap, lapMs }) => ({
      lapsCompleted: lap, lapFraction: lapMs / 10_000, lastLapMs: lapMs < 500 ? 5_000 + lap - 1 : 5_000 + lap,
    }));
    expect(tracker.laps.map((lap) => lap.timeMs)).toEqual([5_001, 5_002]);
  });

  it('measures between two line crossings when no time is published', () => {
    const tracker = drive(3, ({ lapMs }) => ({ lapFraction: (lapMs + 20) / 10_020 }));
    expect(tracker.laps.map((lap) => lap.timeMs)).toEqual([expect.closeTo(10_000, -2), 10_000, 10_000]);
  });

  it('ends a lap when only the clock starts again', () => {
    expect(drive(2, ({ lapMs }) => ({ currentLapMs: lapMs })).laps.map((lap) => lap.timeMs)).toEqual([null, 10_000]);
  });

  it('adds up sectors to the lap', () => {
    const tracker = drive(2, ({ lap, lapMs }) => ({
      lapsCompleted: lap, lapFraction: lapMs / 10_000, currentLapMs: lapMs, lastLapMs: lap > 0 ? 10_000 + lap : NaN,
      sector: lapMs < 3_000 ? 0 : lapMs < 7_000 ? 1 : 2,
    }));
    expect(tracker.laps[1]?.sectorsMs).toEqual([3_000, 4_000, 3_002]);
    expect(tracker.sectorMarks[0]?.fraction).toBeCloseTo(0.3);
  });

  it('does not time or refer to a lap with a hole in it', () => {
    const tracker = new LapTracker();
    const at = (row: number, seconds: number, lapFraction: number): void => {
      tracker.push({ ...ABSENT, row, timeUs: seconds * 1e6, lapFraction });
    };
    at(0, 0, 0);
    at(1, 0.5, 0.5);
    at(2, 1.6, 0.95);
    at(3, 1.7, 0.01);
    expect(tracker.laps[0]).toMatchObject({ timeMs: null, whole: false });
    expect(tracker.best(true)).toBeNull();
  });

  it('counts from the line on when the car started before it', () => {
    const tracker = drive(2, ({ ms }) => ({ lapsCompleted: Math.max(0, Math.floor((ms - 1_000) / 10_000)), lapFraction: ((ms + 9_000) % 10_000) / 10_000 }));
    expect(tracker.laps[0]).toMatchObject({ number: 1, timeMs: 10_000, whole: true, firstRow: 20 });
  });

  it('does not take the samples between fraction and counter for a lap', () => {
    const tracker = drive(2, ({ ms }) => ({ lapsCompleted: Math.floor((ms + 9_700) / 10_000), lapFraction: ((ms + 9_800) % 10_000) / 10_000 }));
    expect(tracker.laps.map((lap) => lap.timeMs)).toEqual([null, 10_000, 10_000]);
  });

  it('starts again when the counter goes back', () => {
    const tracker = drive(4, ({ lap, lapMs }) => ({ lapsCompleted: lap % 3, lapFraction: lapMs / 10_000 }));
    expect(tracker.laps.map((lap) => lap.number)).toEqual([1]);
    expect(tracker.current?.number).toBe(2);
  });

  it('marks in, out and invalid laps and keeps them from being best', () => {
    const tracker = drive(4, ({ lap, lapMs }) => ({
      lapsCompleted: lap, lapFraction: lapMs / 10_000, lastLapMs: lap > 0 ? [9_000, 9_500, 9_100, 9_900][lap - 1] ?? 1 : NaN,
      inPit: (lap === 0 && lapMs < 500) || (lap === 3 && lapMs > 9_000) ? 1 : 0,
      lapValid: lap === 2 && lapMs > 4_000 ? 0 : 1,
    }));
    expect(tracker.laps.map((_, index) => gradesOf(tracker.laps, index).lap)).toEqual(['out', 'best', 'invalid', 'in']);
    expect(tracker.best()?.number).toBe(2);
  });
});

describe('lap events', () => {
  const event = { number: 1, timeMs: 9_876, sectorsMs: [3_000, 3_000, 3_876], valid: true, pit: false };
  const say = ({ lap, lapMs }: { lap: number; lapMs: number }): Partial<LapSample> => ({ lapsCompleted: lap, lapFraction: lapMs / 10_000 });

  it('win over the channels when they come later', () => {
    const tracker = drive(1, say);
    tracker.takeEvent(event);
    expect(tracker.laps).toHaveLength(1);
    expect(tracker.laps[0]).toMatchObject({ timeMs: 9_876, sectorsMs: [3_000, 3_000, 3_876], whole: true });
  });

  it('win over the channels when they come first', () => {
    const tracker = new LapTracker();
    for (let row = 0; row < 240; row += 1) {
      if (row === 199) tracker.takeEvent(event);
      tracker.push({ ...ABSENT, row, timeUs: row * 50_000, ...say({ lap: Math.floor(row / 200), lapMs: (row % 200) * 50 }) });
    }
    expect(tracker.laps).toHaveLength(1);
    expect(tracker.laps[0]).toMatchObject({ timeMs: 9_876, firstRow: 0, endRow: 200, whole: true });
  });
});

describe('grades', () => {
  it('say session best, an improvement at the time, or slower', () => {
    const tracker = new LapTracker();
    [100, 90, 95, 80].forEach((timeMs, i) => tracker.takeEvent({ number: i + 1, timeMs, sectorsMs: [timeMs], valid: null, pit: false }));
    expect(tracker.laps.map((_, i) => gradesOf(tracker.laps, i).lap)).toEqual(['better', 'better', 'slower', 'best']);
    expect(gradesOf(tracker.laps, 3).sectors).toEqual(['best']);
  });

  it('know of a better lap from before the page was opened', () => {
    const tracker = new LapTracker();
    [100, 90].forEach((timeMs, i) => tracker.takeEvent({ number: i + 4, timeMs, sectorsMs: [], valid: null, pit: false }));
    expect([0, 1].map((i) => gradesOf(tracker.laps, i, 85).lap)).toEqual(['slower', 'slower']);
    expect(gradesOf(tracker.laps, 1, 90).lap).toBe('best');
  });

  it('put the best sectors of counting laps together', () => {
    const tracker = new LapTracker();
    [[30, 40, 50], [31, 38, 52], [10, 10, 10]].forEach((sectorsMs, i) =>
      tracker.takeEvent({ number: i + 1, timeMs: 120, sectorsMs, valid: i < 2, pit: false }));
    expect(bestSectorsMs(tracker.laps)).toBe(30 + 38 + 50);
    expect(bestSectorsMs([])).toBeNull();
  });
});
