import { ABSENT } from 'purple-sector-codec';
import { describe, expect, it } from 'vitest';

import { History, valueAt, type Column } from './history';

const filled = (capacity: number, n: number): History => {
  const history = new History(capacity);
  for (let i = 0; i < n; i += 1) {
    history.append([i * 10_000], 1, new Map<string, Column>([['speedMps', Float32Array.of(i)], ['gear', Int32Array.of(i)]]));
  }
  return history;
};

describe('history', () => {
  it('keeps exactly as many rows as it has room for', () => {
    const history = filled(4, 5);
    expect([history.begin, history.end]).toEqual([1, 5]);
    expect([0, 1, 4, 5].map((row) => history.at('speedMps', row))).toEqual([NaN, 1, 4, NaN]);
  });

  it('stores a block that wraps around', () => {
    const history = filled(4, 3);
    history.append([30_000, 40_000, 50_000], 3, new Map([['speedMps', Float32Array.of(3, 4, 5)]]));
    expect([2, 3, 4, 5].map((row) => history.at('speedMps', row))).toEqual([2, 3, 4, 5]);
    expect(history.timeUs(5)).toBe(50_000);
  });

  it('reads absent values as NaN', () => {
    expect(valueAt(Int32Array.of(ABSENT), 0)).toBeNaN();
    expect(valueAt(Int32Array.of(ABSENT + 1), 0)).toBe(ABSENT + 1);
    expect(valueAt(undefined, 0)).toBeNaN();
    expect(filled(4, 1).at('brake', 0)).toBeNaN();
  });

  it('finds rows by time, also after wrapping', () => {
    const history = filled(8, 20);
    expect(history.rowAt(150_000)).toBe(15);
    expect(history.rowAt(150_001)).toBe(16);
    expect(history.rowAt(0)).toBe(12);
    expect(history.rowAt(1e9)).toBe(20);
  });

  it('measures the rate of the source', () => {
    expect(filled(100, 50).rateHz(200_000)).toBeCloseTo(100);
    expect(filled(100, 1).rateHz(200_000)).toBeNaN();
  });
});
