// Where is the car? A dot on the track's line, or on a ring where only the place on the lap is known.

import type { History } from '../model/history';
import type { SectorMark } from '../model/lap';
import type { Session } from '../model/session';
import { drivenLine, type TrackLine } from '../model/track';
import type { View } from '../view';
import { Layers } from './layers';
import { color, font } from './palette';

/** Room around the line, in pixels: for sector names and the dot. */
const MARGIN = 36;
/** The car's dot, in pixels. */
const CAR_RADIUS = 7;
/** While the track is unknown, the line driven so far is drawn again this often. */
const REDRAW_MS = 500;
/** Where the car leaves the picture before that, it is drawn again at most this often. */
const REFIT_MS = 50;

type Place = (x: number, z: number) => [number, number];

/** The track with its sectors, the car, and the crosshair. */
export class TrackMap {
  readonly #layers: Layers;
  #drawn: { session: Session | null; track: TrackLine | null; marks: readonly SectorMark[]; atMs: number } = { session: null, track: null, marks: [], atMs: -Infinity };
  #place: Place | null = null;
  #dots: [number, number][] = [];

  constructor(host: HTMLElement) {
    this.#layers = new Layers(host, 2);
  }

  /** Draws the car, and the crosshair's place if it has one. */
  draw(view: View, hovered: { row: number; fraction: number } | null): void {
    const resized = this.#layers.fit();
    const { session, track, marks } = view;
    const before = this.#drawn;
    const nowMs = performance.now();
    const growing = track === null && !view.paused;
    const due = growing && nowMs - before.atMs >= REDRAW_MS;
    if (resized || session !== before.session || track !== before.track || marks !== before.marks || due) {
      this.#drawLineAt(nowMs, view);
    }
    const car = this.#drawDots(view, hovered);
    // On its first lap the car drives out of the picture between two redraws.
    const mayRefit = growing && nowMs - before.atMs >= REFIT_MS;
    if (mayRefit && car !== null && !isInside(car, this.#layers.width, this.#layers.height)) {
      this.#drawLineAt(nowMs, view);
      this.#drawDots(view, hovered);
    }
  }

  #drawLineAt(nowMs: number, view: View): void {
    const { session, track, marks } = view;
    this.#drawn = { session, track, marks, atMs: nowMs };
    this.#drawLine(view);
  }

  #drawLine({ session, track, marks, endRow }: View): void {
    this.#layers.clear(0);
    const context = this.#layers.contexts[0] as CanvasRenderingContext2D;
    const line = track ?? (session === null ? null : drivenLine(session.history, endRow - 20_000, endRow));
    const onRing = line === null;
    this.#place = line === null ? null : fitted(line, this.#layers.width, this.#layers.height);
    context.lineJoin = 'round';
    context.lineCap = 'round';
    const strokeLine = (): void => {
      context.beginPath();
      if (line === null || this.#place === null) {
        const { x, y, radius } = this.#ring();
        context.arc(x, y, radius, 0, 2 * Math.PI);
      } else {
        for (let i = 0; i < line.x.length; i += 1) context.lineTo(...this.#place(line.x[i] as number, line.z[i] as number));
        if (track !== null) context.closePath();
      }
      context.stroke();
    };
    context.lineWidth = 11;
    context.strokeStyle = color('line-strong');
    strokeLine();
    context.lineWidth = 8;
    context.strokeStyle = color('raised');
    strokeLine();
    context.lineWidth = 2;
    context.strokeStyle = onRing && session === null ? color('line-strong') : color('muted');
    strokeLine();
    if (line !== null && track !== null) this.#drawTicks(context, line);
    if (onRing) this.#drawRingTicks(context, marks);
  }

  #drawTicks(context: CanvasRenderingContext2D, line: TrackLine): void {
    const n = line.x.length;
    for (const { point, sector } of line.ticks) {
      const at = (i: number): [number, number] => (this.#place as Place)(line.x[(i + n) % n] as number, line.z[(i + n) % n] as number);
      const [x, y] = at(point);
      const [ax, ay] = at(point - 2);
      const [bx, by] = at(point + 2);
      const length = Math.hypot(bx - ax, by - ay) || 1;
      this.#drawTick(context, x, y, -(by - ay) / length, (bx - ax) / length, sector);
    }
  }

  #drawRingTicks(context: CanvasRenderingContext2D, marks: readonly SectorMark[]): void {
    for (const { fraction, index } of [{ fraction: 0, index: 0 }, ...marks]) {
      const [x, y] = this.#onRing(fraction);
      const { x: cx, y: cy, radius } = this.#ring();
      this.#drawTick(context, x, y, (x - cx) / radius, (y - cy) / radius, index);
    }
  }

  /** A short line across the track with the sector's name; the start line is stronger. */
  #drawTick(context: CanvasRenderingContext2D, x: number, y: number, nx: number, ny: number, sector: number): void {
    const start = sector === 0;
    context.lineWidth = start ? 3 : 2;
    context.strokeStyle = start ? color('text') : color('muted');
    context.beginPath();
    context.moveTo(x - nx * 8, y - ny * 8);
    context.lineTo(x + nx * 8, y + ny * 8);
    context.stroke();
    context.fillStyle = color('muted');
    context.font = font(10);
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    const name = start ? 'Start' : `S${sector + 1}`;
    const away = 13 + (Math.abs(nx) * context.measureText(name).width) / 2 + Math.abs(ny) * 4;
    context.fillText(name, x + nx * away, y + ny * away);
  }

  /** Returns where the car is, in pixels; null where that is not known. */
  #drawDots(view: View, hovered: { row: number; fraction: number } | null): [number, number] | null {
    const context = this.#layers.contexts[1] as CanvasRenderingContext2D;
    for (const [x, y] of this.#dots) context.clearRect(x - 12, y - 12, 24, 24);
    this.#dots = [];
    if (view.session === null) return null;
    if (hovered !== null) {
      const marker = this.#spot(view.session.history, hovered.row, hovered.row, 0, hovered.fraction);
      if (marker !== null) this.#drawDot(context, marker, color('bg'), color('text'), 5);
    }
    const { history } = view.session;
    const after = Math.min(Math.max(history.rowAt(view.momentUs, view.endRow - 500, view.endRow), history.begin), view.endRow - 1);
    const from = Math.max(after - 1, history.begin);
    const gapUs = history.timeUs(after) - history.timeUs(from);
    const share = gapUs > 0 ? Math.min(Math.max((view.momentUs - history.timeUs(from)) / gapUs, 0), 1) : 1;
    const car = this.#spot(history, from, after, share, NaN);
    if (car !== null) this.#drawDot(context, car, color('blue'), color('text'), CAR_RADIUS);
    return car;
  }

  /** A place between two rows; where a row is unknown, the fraction says it. */
  #spot(history: History, from: number, to: number, share: number, fraction: number): [number, number] | null {
    if (this.#place !== null) {
      const x = between(history.at('positionXM', from), history.at('positionXM', to), share);
      const z = between(history.at('positionZM', from), history.at('positionZM', to), share);
      return Number.isNaN(x + z) ? null : this.#place(x, z);
    }
    const a = history.at('lapFraction', from);
    const b = history.at('lapFraction', to);
    const at = Number.isNaN(fraction) ? (Math.abs(b - a) < 0.5 ? between(a, b, share) : b) : fraction;
    return Number.isNaN(at) ? null : this.#onRing(at);
  }

  #drawDot(context: CanvasRenderingContext2D, at: [number, number], fill: string, stroke: string, radius: number): void {
    context.beginPath();
    context.arc(at[0], at[1], radius, 0, 2 * Math.PI);
    context.fillStyle = fill;
    context.fill();
    context.lineWidth = 2;
    context.strokeStyle = stroke;
    context.stroke();
    this.#dots.push(at);
  }

  #ring(): { x: number; y: number; radius: number } {
    const { width, height } = this.#layers;
    return { x: width / 2, y: height / 2, radius: Math.max(10, Math.min(width, height) / 2 - MARGIN) };
  }

  #onRing(fraction: number): [number, number] {
    const { x, y, radius } = this.#ring();
    const angle = (fraction - 0.25) * 2 * Math.PI;
    return [x + radius * Math.cos(angle), y + radius * Math.sin(angle)];
  }
}

function between(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

/** Whether all of the car's dot is in the picture. */
export function isInside([x, y]: readonly [number, number], width: number, height: number): boolean {
  return x >= CAR_RADIUS && x <= width - CAR_RADIUS && y >= CAR_RADIUS && y <= height - CAR_RADIUS;
}

/** World to pixels, as large as it fits; turned by a quarter where that fits better. */
export function fitted(line: TrackLine, width: number, height: number): Place {
  const spanX = Math.max(line.maxX - line.minX, 1);
  const spanZ = Math.max(line.maxZ - line.minZ, 1);
  const [w, h] = [Math.max(width - 2 * MARGIN, 1), Math.max(height - 2 * MARGIN, 1)];
  const straight = Math.min(w / spanX, h / spanZ);
  const turned = Math.min(w / spanZ, h / spanX);
  const middleX = (line.minX + line.maxX) / 2;
  const middleZ = (line.minZ + line.maxZ) / 2;
  return turned > straight * 1.15
    ? (x, z) => [width / 2 + (z - middleZ) * turned, height / 2 - (x - middleX) * turned]
    : (x, z) => [width / 2 + (x - middleX) * straight, height / 2 + (z - middleZ) * straight];
}
