import { expect, it } from 'vitest';

import { FuelMeter } from './fuel';
import { LatencyMeter } from './latency';
import { Quantiles } from './quantiles';

it('latency is unknown without a clock and a median with one', () => {
  const meter = new LatencyMeter();
  const clock = { offsetUs: -50_000, uncertaintyUs: 300 };
  for (let i = 0; i <= 100; i += 1) meter.add(1e6 + i * 1000, 1e6, clock);
  expect(meter.summary()).toEqual({ medianMs: 100, p95Ms: 145 });
  meter.add(2e6, 1e6, null);
  expect(meter.summary()).toBeNull();
});

it('fuel per lap comes from whole laps, laps left from it', () => {
  const meter = new FuelMeter();
  meter.endLap(50, false);
  meter.endLap(47, true);
  meter.endLap(60, true); // refuelled
  meter.endLap(58, true);
  expect(meter.state(10, NaN, NaN)).toEqual({ litres: 10, perLap: 2.5, lapsLeft: 4 });
});

it("fuel: the game's own figures win, zero counts as absent", () => {
  expect(new FuelMeter().state(10, 2, 4.5)).toEqual({ litres: 10, perLap: 2, lapsLeft: 4.5 });
  expect(new FuelMeter().state(10, 0, 0)).toEqual({ litres: 10, perLap: NaN, lapsLeft: NaN });
});

it('quantiles forget what left the window', () => {
  const window = new Quantiles(3);
  expect(window.at(0.5)).toEqual([NaN]);
  [100, 3, 1, 2].forEach((value) => window.push(value));
  expect(window.at(0, 0.5, 1)).toEqual([1, 2, 3]);
  window.clear();
  expect(window.size).toBe(0);
});
