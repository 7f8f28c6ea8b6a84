// Which traces are drawn one above the other, in which unit and range?

import type { HistoryChannel } from '../model/history';
import type { Token } from './palette';

/** One trace: what it shows, and how. */
export interface Lane {
  channel: HistoryChannel;
  name: string;
  unit: string;
  color: Token;
  /** Share of the height. */
  weight: number;
  /** Wire value to the unit shown. */
  factor: number;
  digits: number;
  min: number;
  max: number;
  /** The range grows in these steps when a value leaves it. */
  step: number;
  /** Range grows on both sides alike. */
  symmetric?: boolean;
  /** The value stays until it changes: drawn as steps. */
  stepped?: boolean;
}

/** The traces from top to bottom. */
export const LANES: readonly Lane[] = [
  { channel: 'speedMps', name: 'Speed', unit: 'km/h', color: 'trace-speed', weight: 3, factor: 3.6, digits: 0, min: 0, max: 250, step: 50 },
  { channel: 'throttle', name: 'Throttle', unit: '%', color: 'trace-throttle', weight: 1.6, factor: 100, digits: 0, min: 0, max: 100, step: 10 },
  { channel: 'brake', name: 'Brake', unit: '%', color: 'trace-brake', weight: 1.6, factor: 100, digits: 0, min: 0, max: 100, step: 10 },
  { channel: 'steer', name: 'Steer', unit: '%', color: 'trace-steer', weight: 1.6, factor: 100, digits: 0, min: -25, max: 25, step: 25, symmetric: true },
  { channel: 'gear', name: 'Gear', unit: '', color: 'trace-gear', weight: 1.2, factor: 1, digits: 0, min: 0, max: 6, step: 1, stepped: true },
  { channel: 'engineRpm', name: 'Engine', unit: 'rpm', color: 'trace-rpm', weight: 1.8, factor: 1, digits: 0, min: 0, max: 8000, step: 1000 },
];

/** Room above and below each trace, in pixels, so that lines at the limits stay visible. */
const PADDING = 5;

/** The vertical ranges of the lanes as the values of a session need them. */
export class Ranges {
  readonly min = LANES.map((lane) => lane.min);
  readonly max = LANES.map((lane) => lane.max);

  /** Makes room for a value (in the unit shown); true if the range grew. */
  include(lane: number, value: number): boolean {
    const { step, symmetric } = LANES[lane] as Lane;
    if (value <= (this.max[lane] as number) && value >= (this.min[lane] as number)) return false;
    if (!Number.isFinite(value)) return false;
    if (symmetric === true) {
      this.max[lane] = Math.ceil(Math.abs(value) / step) * step;
      this.min[lane] = -(this.max[lane] as number);
    } else if (value > 0) this.max[lane] = Math.ceil(value / step) * step;
    else this.min[lane] = Math.floor(value / step) * step;
    return true;
  }
}

/** Top edge of each lane in a plot of `height` pixels; one more than there are lanes. */
export function laneEdges(height: number): number[] {
  const total = LANES.reduce((sum, lane) => sum + lane.weight, 0);
  let below = 0;
  return [0, ...LANES.map((lane) => Math.round(((below += lane.weight) * height) / total))];
}

/** Where a value (in the unit shown) lies between a lane's edges. */
export function laneY(ranges: Ranges, lane: number, edges: number[], value: number): number {
  const top = (edges[lane] as number) + PADDING;
  const bottom = (edges[lane + 1] as number) - PADDING;
  const min = ranges.min[lane] as number;
  const max = ranges.max[lane] as number;
  return bottom - ((value - min) / (max - min)) * (bottom - top);
}
