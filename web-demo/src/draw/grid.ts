// What lies behind the traces? Lanes, the axis, where sectors begin, and the reference lap.

import type { SectorMark } from '../model/lap';
import { profileAt, type Profile } from '../model/profile';
import type { Tick } from './axis';
import { LANES, laneY, type Ranges } from './lanes';
import { color, font } from './palette';

/** What the grid of a plot depends on; sizes in CSS pixels. */
export interface Grid {
  width: number;
  height: number;
  edges: number[];
  ranges: Ranges;
  ticks: Tick[];
  marks: readonly SectorMark[];
}

/** Draws the lanes, the axis and where sectors begin. */
export function drawGrid(context: CanvasRenderingContext2D, grid: Grid): void {
  const bottom = grid.edges.at(-1) as number;
  context.font = font(10);
  context.lineWidth = 1;
  drawAxis(context, grid, bottom);
  drawMarks(context, grid, bottom);
  LANES.forEach((lane, i) => {
    const top = grid.edges[i] as number;
    const max = grid.ranges.max[i] as number;
    const min = grid.ranges.min[i] as number;
    context.strokeStyle = color('hairline');
    if (i > 0) strokeHorizontal(context, top, grid.width);
    const middle = lane.symmetric === true ? 0 : (min + max) / 2;
    context.setLineDash([2, 4]);
    strokeHorizontal(context, laneY(grid.ranges, i, grid.edges, middle), grid.width);
    context.setLineDash([]);
  });
  context.strokeStyle = color('line-strong');
  strokeHorizontal(context, bottom, grid.width);
}

function drawAxis(context: CanvasRenderingContext2D, grid: Grid, bottom: number): void {
  context.textBaseline = 'middle';
  for (const tick of grid.ticks) {
    context.strokeStyle = color('hairline');
    strokeVertical(context, tick.x, 0, bottom + 4);
    context.fillStyle = color('muted');
    context.textAlign = tick.x < 10 ? 'left' : tick.x > grid.width - 10 ? 'right' : 'center';
    context.fillText(tick.text, tick.x, bottom + 13);
  }
}

/** Dashed lines where sectors begin, named at the top. */
function drawMarks(context: CanvasRenderingContext2D, grid: Grid, bottom: number): void {
  context.textBaseline = 'top';
  context.textAlign = 'left';
  for (const mark of grid.marks) {
    const x = mark.fraction * grid.width;
    context.strokeStyle = color('line-strong');
    context.setLineDash([4, 3]);
    strokeVertical(context, x, 0, bottom);
    context.setLineDash([]);
    context.fillStyle = color('muted');
    context.fillText(`S${mark.index + 1}`, x + 4, 4);
  }
}

/** Draws the reference lap into all lanes. */
export function drawReference(context: CanvasRenderingContext2D, width: number, edges: number[], ranges: Ranges, reference: Profile): void {
  context.lineWidth = 1;
  context.strokeStyle = color('reference');
  LANES.forEach((lane, i) => {
    const column = reference.columns[lane.channel];
    context.beginPath();
    for (let x = 0; x <= width; x += 1) {
      const exact = profileAt(column, x / width);
      const value = lane.stepped === true ? Math.round(exact) : exact;
      context.lineTo(x, laneY(ranges, i, edges, value * lane.factor));
    }
    context.stroke();
  });
}

function strokeHorizontal(context: CanvasRenderingContext2D, y: number, width: number): void {
  context.beginPath();
  context.moveTo(0, Math.round(y) + 0.5);
  context.lineTo(width, Math.round(y) + 0.5);
  context.stroke();
}

function strokeVertical(context: CanvasRenderingContext2D, x: number, top: number, bottom: number): void {
  const at = Math.round(x) + 0.5;
  context.beginPath();
  context.moveTo(at, top);
  context.lineTo(at, bottom);
  context.stroke();
}
