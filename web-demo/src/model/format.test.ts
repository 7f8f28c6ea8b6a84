import { expect, it } from 'vitest';

import { age, gear, lapTime, number, readable, signed } from './format';

const check = (found: string, expected: string): void => expect(found).toBe(expected);

it('writes lap times', () => {
  check(lapTime(107_302), '1:47.302');
  check(lapTime(60_000), '1:00.000');
  check(lapTime(59_999), '59.999');
  check(lapTime(107_399, 1), '1:47.3');
  check(lapTime(119_999, 1), '1:59.9');
  check(lapTime(0), '–');
  check(lapTime(null), '–');
});
it('writes absent values as an en dash and zero as zero', () => {
  check(number(NaN), '–');
  check(number(undefined, 1), '–');
  check(number(0), '0');
  check(number(-0.04, 1), '0.0');
  check(number(-1.25, 1), '−1.3');
});
it('writes differences with their sign', () => {
  check(signed(0.124), '+0.12');
  check(signed(-0.126), '−0.13');
  check(signed(0.001), '±0.00');
  check(signed(NaN), '–');
});
it('writes ages', () => {
  check(age(420), '0.4 s');
  check(age(12_400), '12 s');
  check(age(180_000), '3 min');
});
it('writes gears', () => {
  expect([-1, 0, 1, 6, NaN].map(gear)).toEqual(['R', 'N', '1', '6', '–']);
});
it('makes ids readable and leaves names alone', () => {
  check(readable('ferrari_296_gt3'), 'Ferrari 296 GT3');
  check(readable('spa-francorchamps'), 'Spa Francorchamps');
  check(readable('Brands Hatch Circuit'), 'Brands Hatch Circuit');
  check(readable(undefined), '–');
});
