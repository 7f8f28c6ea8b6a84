// What are the driver's hands and feet doing? Speed, pedals, wheel, gear and engine, one above the other.
//
// Three layers: grid and reference lap, drawn once per lap; the live traces, of which each frame strokes only what is
// new; and the crosshair. Over the lap nothing ever moves; over time the kept layer is shifted by whole pixels.

import type { Session } from '../model/session';
import type { View } from '../view';
import { lapTicks, rowInTime, rowOnLap, SPAN_S, timeTicks } from './axis';
import { drawGrid, drawReference } from './grid';
import { LANES, laneEdges, laneY, type Ranges } from './lanes';
import { Layers } from './layers';
import { color } from './palette';
import { TracesProgress } from './progress';

/** Height of the axis under the lanes. */
export const AXIS_PX = 22;
/** A longer pause between samples lifts the pen. */
const HOLE_US = 1_000_000;
const [BASE, LIVE, CURSOR] = [0, 1, 2];

/** The traces of the view, in one element. */
export class Traces {
  readonly #layers: Layers;
  readonly #progress = new TracesProgress();
  #edges: number[] = [];
  #cursorX: [number, number] = [-1, -1];

  constructor(host: HTMLElement) {
    this.#layers = new Layers(host, 3);
  }

  /** The vertical ranges in use. */
  get ranges(): Ranges {
    return this.#progress.ranges;
  }

  draw(view: View): void {
    const redraw = this.#progress.next(view, this.#layers.fit());
    if (redraw.base) this.#drawBase(view);
    if (redraw.live) this.#layers.clear(LIVE);
    if (view.session !== null) {
      if (!this.#progress.overLap) this.#scroll(view.session, view.endRow);
      this.#stroke(view.session, view.endRow);
    }
    this.#drawCursor(view);
  }

  /** The row under the crosshair, and the place on the lap it stands for; -1 where the car has not been. */
  hovered(view: View): { row: number; fraction: number } | null {
    if (view.hover === null || view.session === null) return null;
    const { history } = view.session;
    if (!this.#progress.overLap) return { row: rowInTime(history, SPAN_S * (1 - view.hover), view.endRow), fraction: NaN };
    return { row: rowOnLap(history, view.hover, view.lapRow, view.endRow), fraction: view.hover };
  }

  #drawBase(view: View): void {
    const { width, height } = this.#layers;
    const { overLap } = this.#progress;
    const context = this.#layers.contexts[BASE] as CanvasRenderingContext2D;
    this.#edges = laneEdges(height - AXIS_PX);
    this.#layers.clear(BASE);
    const ticks = overLap ? lapTicks(width, view.trackLengthM) : timeTicks(width);
    drawGrid(context, { width, height, edges: this.#edges, ranges: this.ranges, ticks, marks: overLap ? view.marks : [] });
    if (overLap && view.reference !== null) drawReference(context, width, this.#edges, this.ranges, view.reference);
  }

  /** Moves the kept layer to the left by as many whole device pixels as time has passed. */
  #scroll(session: Session, endRow: number): void {
    const { width, height, scale } = this.#layers;
    const newestUs = session.history.timeUs(endRow - 1);
    const usPerPixel = (SPAN_S * 1e6) / (width * scale);
    const shift = Math.floor((newestUs - this.#progress.rightUs) / usPerPixel);
    if (!(shift > 0)) return;
    const context = this.#layers.contexts[LIVE] as CanvasRenderingContext2D;
    context.globalCompositeOperation = 'copy';
    context.drawImage(context.canvas, -shift / scale, 0, width, height);
    context.globalCompositeOperation = 'source-over';
    this.#progress.rightUs += shift * usPerPixel;
  }

  #stroke(session: Session, endRow: number): void {
    if (endRow <= this.#progress.drawnRow) return;
    const { history } = session;
    const { width } = this.#layers;
    const context = this.#layers.contexts[LIVE] as CanvasRenderingContext2D;
    const from = Math.max(this.#progress.drawnRow - 1, this.#progress.overLap ? this.#progress.lapRow : history.begin, history.begin);
    context.lineWidth = 1.5;
    context.lineJoin = 'round';
    context.lineCap = 'round';
    LANES.forEach((lane, i) => {
      context.beginPath();
      let penX = NaN;
      let penY = NaN;
      for (let row = from; row < endRow; row += 1) {
        const x = this.#xOf(session, row, width);
        const y = laneY(this.ranges, i, this.#edges, history.at(lane.channel, row) * lane.factor);
        const joined = Math.abs(x - penX) < width * 0.3 && history.timeUs(row) - history.timeUs(row - 1) < HOLE_US;
        if (Number.isNaN(y)) penX = NaN;
        else {
          if (!joined) context.moveTo(x, y);
          else if (lane.stepped === true) context.lineTo(x, penY);
          if (joined) context.lineTo(x, y);
          penX = x;
          penY = y;
        }
      }
      context.strokeStyle = color(lane.color);
      context.stroke();
    });
    this.#progress.drawnRow = endRow;
  }

  #xOf(session: Session, row: number, width: number): number {
    if (this.#progress.overLap) return session.history.at('lapFraction', row) * width;
    return width - ((this.#progress.rightUs - session.history.timeUs(row)) / (SPAN_S * 1e6)) * width;
  }

  /** Head of the traces and crosshair. */
  #drawCursor(view: View): void {
    const { width, height } = this.#layers;
    const context = this.#layers.contexts[CURSOR] as CanvasRenderingContext2D;
    const [head, cross] = this.#cursorX;
    for (const x of [head, cross]) if (x >= 0) context.clearRect(x - 8, 0, 16, height);
    const { session } = view;
    const lastRow = view.endRow - 1;
    const headX = session === null || lastRow < 0 ? -1 : this.#xOf(session, lastRow, width);
    const crossX = view.hover === null ? -1 : view.hover * width;
    this.#cursorX = [headX, crossX];
    if (session !== null && headX >= 0) {
      if (this.#progress.overLap) strokeLine(context, headX, height - AXIS_PX, color('line-strong'));
      this.#drawDots(context, headX, (lane) => session.history.at(lane, lastRow));
    }
    if (crossX < 0 || session === null) return;
    strokeLine(context, crossX, height - AXIS_PX, color('muted'));
    const hovered = this.hovered(view);
    if (hovered !== null && hovered.row >= 0) this.#drawDots(context, crossX, (lane) => session.history.at(lane, hovered.row));
  }

  #drawDots(context: CanvasRenderingContext2D, x: number, valueOf: (channel: (typeof LANES)[number]['channel']) => number): void {
    LANES.forEach((lane, i) => {
      const y = laneY(this.ranges, i, this.#edges, valueOf(lane.channel) * lane.factor);
      if (Number.isNaN(y)) return;
      context.beginPath();
      context.arc(x, y, 3, 0, 2 * Math.PI);
      context.fillStyle = color(lane.color);
      context.fill();
    });
  }
}

function strokeLine(context: CanvasRenderingContext2D, x: number, height: number, stroke: string): void {
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, height);
  context.lineWidth = 1;
  context.strokeStyle = stroke;
  context.stroke();
}
