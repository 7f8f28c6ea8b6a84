// What shape has the track? A line through the world positions of one clean lap, kept once it is known.

import type { History } from './history';
import type { Lap, SectorMark } from './lap';

/** Points are at least this far apart: finer than a pixel on any map we draw. */
const STEP_M = 4;

/** The line of a track. */
export interface TrackLine {
  /** World x and z of each point, in metres. */
  x: number[];
  z: number[];
  /** Where sectors begin: a point of the line and the sector's index. The start line is sector 0. */
  ticks: { point: number; sector: number }[];
  minX: number;
  maxX: number;
  minZ: number;
  maxZ: number;
}

/** The line driven in a lap's rows; null where there are no positions or the car hardly moved. */
export function trackLineOf(history: History, lap: Lap, marks: readonly SectorMark[]): TrackLine | null {
  const line = drivenLine(history, lap.firstRow, lap.endRow);
  if (line === null) return null;
  line.ticks.push({ point: 0, sector: 0 });
  for (const mark of marks) {
    const point = nearestPoint(line, history.at('positionXM', mark.row), history.at('positionZM', mark.row));
    if (point >= 0) line.ticks.push({ point, sector: mark.index });
  }
  return line;
}

/** The line from row `from` up to `to`, without ticks. */
export function drivenLine(history: History, from: number, to: number): TrackLine | null {
  const line: TrackLine = { x: [], z: [], ticks: [], minX: Infinity, maxX: -Infinity, minZ: Infinity, maxZ: -Infinity };
  for (let row = Math.max(from, history.begin); row < to; row += 1) {
    extend(line, history.at('positionXM', row), history.at('positionZM', row));
  }
  const span = Math.max(line.maxX - line.minX, line.maxZ - line.minZ);
  return line.x.length >= 8 && span > 50 ? line : null;
}

function extend(line: TrackLine, x: number, z: number): void {
  if (Number.isNaN(x) || Number.isNaN(z)) return;
  const lastX = line.x.at(-1);
  const lastZ = line.z.at(-1);
  if (lastX !== undefined && lastZ !== undefined && Math.hypot(x - lastX, z - lastZ) < STEP_M) return;
  line.x.push(x);
  line.z.push(z);
  line.minX = Math.min(line.minX, x);
  line.maxX = Math.max(line.maxX, x);
  line.minZ = Math.min(line.minZ, z);
  line.maxZ = Math.max(line.maxZ, z);
}

/** The point of the line closest to a place; -1 where the place is unknown. */
export function nearestPoint(line: TrackLine, x: number, z: number): number {
  let nearest = -1;
  let least = Infinity;
  for (let point = 0; point < line.x.length; point += 1) {
    const distance = Math.hypot((line.x[point] as number) - x, (line.z[point] as number) - z);
    if (distance < least) {
      least = distance;
      nearest = point;
    }
  }
  return nearest;
}
