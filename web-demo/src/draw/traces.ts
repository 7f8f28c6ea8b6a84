// What are the driver's hands and feet doing? Speed, pedals, wheel, gear and engine, one above the other.
//
// Three layers: grid and reference lap, drawn once per lap; the live traces, of which each frame strokes only what is
// new; and the crosshair. Over the lap nothing ever moves; over time the kept layer is shifted by whole pixels.

import type { Profile } from '../model/profile';
import type { Session } from '../model/session';
import { hasLapFraction, type View } from '../view';
import { lapTicks, rowInTime, rowOnLap, SPAN_S, timeTicks } from './axis';
import { drawGrid, drawReference } from './grid';
import { LANES, laneEdges, laneY, Ranges } from './lanes';
import { Layers } from './layers';
import { color } from './palette';

/** Height of the axis under the lanes. */
export const AXIS_PX = 22;
/** A longer pause between samples lifts the pen. */
const HOLE_US = 1_000_000;
const [BASE, LIVE, CURSOR] = [0, 1, 2];

export class Traces {
  private readonly layers: Layers;
  /** The vertical ranges in use. */
  ranges = new Ranges();
  private edges: number[] = [];
  private session: Session | null = null;
  private reference: Profile | null = null;
  private marks = 0;
  private trackLengthM: number | undefined;
  private overLap = true;
  /** First row of the lap drawn. */
  private lapRow = -1;
  /** Rows before this one are on the live layer. */
  private drawnRow = 0;
  /** Time at the right edge of a time axis. */
  private rightUs = NaN;
  private cursorX: [number, number] = [-1, -1];

  constructor(host: HTMLElement) {
    this.layers = new Layers(host, 3);
  }

  draw(view: View): void {
    const resized = this.layers.fit();
    const { session } = view;
    const overLap = session === null || hasLapFraction(view) || (view.endRow === 0 && this.overLap);
    if (session !== this.session) {
      this.session = session;
      this.ranges = new Ranges();
    }
    const grew = session !== null && this.grow(session, view.endRow);
    const reference = session?.reference ?? null;
    const marks = session?.laps.sectorMarks.size ?? 0;
    const lapRow = overLap ? lapStart(view) : -1;
    const trackLengthM = session?.facts.trackLengthM;
    const newBase = resized || grew || overLap !== this.overLap || reference !== this.reference || marks !== this.marks || trackLengthM !== this.trackLengthM;
    Object.assign(this, { reference, marks, overLap, trackLengthM });
    if (newBase) this.drawBase();
    if (newBase || lapRow !== this.lapRow || view.endRow < this.drawnRow) this.restart(view, lapRow);
    if (session !== null) {
      if (!overLap) this.scroll(session, view.endRow);
      this.stroke(session, view.endRow);
    }
    this.drawCursor(view);
  }

  /** The row under the crosshair, and the place on the lap it stands for; -1 where the car has not been. */
  hovered(view: View): { row: number; fraction: number } | null {
    if (view.hover === null || view.session === null) return null;
    const { history } = view.session;
    if (!this.overLap) return { row: rowInTime(history, SPAN_S * (1 - view.hover), view.endRow), fraction: NaN };
    return { row: rowOnLap(history, view.hover, lapStart(view), view.endRow), fraction: view.hover };
  }

  private grow(session: Session, endRow: number): boolean {
    let grew = false;
    LANES.forEach((lane, i) => {
      for (let row = this.drawnRow; row < endRow; row += 1) {
        if (this.ranges.include(i, session.history.at(lane.channel, row) * lane.factor)) grew = true;
      }
    });
    const maxRpm = session.latest.get('engineMaxRpm');
    if (maxRpm !== undefined && this.ranges.include(LANES.length - 1, maxRpm)) grew = true;
    return grew;
  }

  private drawBase(): void {
    const { width, height } = this.layers;
    const context = this.layers.contexts[BASE] as CanvasRenderingContext2D;
    this.edges = laneEdges(height - AXIS_PX);
    this.layers.clear(BASE);
    const ticks = this.overLap ? lapTicks(width, this.trackLengthM) : timeTicks(width);
    const marks = this.overLap ? [...(this.session?.laps.sectorMarks.values() ?? [])] : [];
    drawGrid(context, { width, height, edges: this.edges, ranges: this.ranges, ticks, marks });
    if (this.overLap && this.reference !== null) drawReference(context, width, this.edges, this.ranges, this.reference);
  }

  /** Empties the live layer; the next stroke draws everything that belongs on it. */
  private restart(view: View, lapRow: number): void {
    this.layers.clear(LIVE);
    this.lapRow = lapRow;
    const history = view.session?.history;
    if (history === undefined) return;
    this.rightUs = history.timeUs(view.endRow - 1);
    this.drawnRow = this.overLap ? lapRow : history.rowAt(this.rightUs - SPAN_S * 1e6, history.begin, view.endRow);
  }

  /** Moves the kept layer to the left by as many whole device pixels as time has passed. */
  private scroll(session: Session, endRow: number): void {
    const { width, height, scale } = this.layers;
    const newestUs = session.history.timeUs(endRow - 1);
    const usPerPixel = (SPAN_S * 1e6) / (width * scale);
    const shift = Math.floor((newestUs - this.rightUs) / usPerPixel);
    if (!(shift > 0)) return;
    const context = this.layers.contexts[LIVE] as CanvasRenderingContext2D;
    context.globalCompositeOperation = 'copy';
    context.drawImage(context.canvas, -shift / scale, 0, width, height);
    context.globalCompositeOperation = 'source-over';
    this.rightUs += shift * usPerPixel;
  }

  private stroke(session: Session, endRow: number): void {
    if (endRow <= this.drawnRow) return;
    const { history } = session;
    const { width } = this.layers;
    const context = this.layers.contexts[LIVE] as CanvasRenderingContext2D;
    const from = Math.max(this.drawnRow - 1, this.overLap ? this.lapRow : history.begin, history.begin);
    context.lineWidth = 1.5;
    context.lineJoin = 'round';
    context.lineCap = 'round';
    LANES.forEach((lane, i) => {
      context.beginPath();
      let penX = NaN;
      let penY = NaN;
      for (let row = from; row < endRow; row += 1) {
        const x = this.xOf(session, row, width);
        const y = laneY(this.ranges, i, this.edges, history.at(lane.channel, row) * lane.factor);
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
    this.drawnRow = endRow;
  }

  private xOf(session: Session, row: number, width: number): number {
    if (this.overLap) return session.history.at('lapFraction', row) * width;
    return width - ((this.rightUs - session.history.timeUs(row)) / (SPAN_S * 1e6)) * width;
  }

  /** Head of the traces and crosshair. */
  private drawCursor(view: View): void {
    const { width, height } = this.layers;
    const context = this.layers.contexts[CURSOR] as CanvasRenderingContext2D;
    const [head, cross] = this.cursorX;
    for (const x of [head, cross]) if (x >= 0) context.clearRect(x - 8, 0, 16, height);
    const { session } = view;
    const lastRow = view.endRow - 1;
    const headX = session === null || lastRow < 0 ? -1 : this.xOf(session, lastRow, width);
    const crossX = view.hover === null ? -1 : view.hover * width;
    this.cursorX = [headX, crossX];
    if (session !== null && headX >= 0) {
      if (this.overLap) line(context, headX, height - AXIS_PX, color('line-strong'));
      this.dots(context, headX, (lane) => session.history.at(lane, lastRow));
    }
    if (crossX < 0 || session === null) return;
    line(context, crossX, height - AXIS_PX, color('muted'));
    const hovered = this.hovered(view);
    if (hovered !== null && hovered.row >= 0) this.dots(context, crossX, (lane) => session.history.at(lane, hovered.row));
  }

  private dots(context: CanvasRenderingContext2D, x: number, valueOf: (channel: (typeof LANES)[number]['channel']) => number): void {
    LANES.forEach((lane, i) => {
      const y = laneY(this.ranges, i, this.edges, valueOf(lane.channel) * lane.factor);
      if (Number.isNaN(y)) return;
      context.beginPath();
      context.arc(x, y, 3, 0, 2 * Math.PI);
      context.fillStyle = color(lane.color);
      context.fill();
    });
  }
}

/** The first row of the lap that is being shown. */
function lapStart(view: View): number {
  if (view.session === null) return 0;
  const { laps, history } = view.session;
  const current = laps.current;
  if (current !== null && current.firstRow < view.endRow) return Math.max(current.firstRow, history.begin);
  const past = laps.laps.findLast((lap) => lap.endRow > lap.firstRow && lap.firstRow < view.endRow);
  return Math.max(past?.firstRow ?? 0, history.begin);
}

function line(context: CanvasRenderingContext2D, x: number, height: number, stroke: string): void {
  context.beginPath();
  context.moveTo(x, 0);
  context.lineTo(x, height);
  context.lineWidth = 1;
  context.strokeStyle = stroke;
  context.stroke();
}
