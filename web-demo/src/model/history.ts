// What were the last samples of one session? A ring of the npm package, with a column per channel.
//
// Rows are numbered from the session's first sample on and never renumbered; the oldest are overwritten. Memory is
// taken once: 54 bytes a row, 11.7 MB for the default of an hour at 60 Hz (10 minutes at 333 Hz).

import { ABSENT, History as Ring, type Columns as BlockColumns } from 'purple-sector-codec';

/** The channels whose past the page draws. Everything else is kept as its latest value only. */
export const HISTORY_CHANNELS = [
  'speedMps',
  'throttle',
  'brake',
  'steer',
  'gear',
  'engineRpm',
  'lapFraction',
  'currentLapMs',
  'positionXM',
  'positionZM',
] as const;

/** A channel whose past is kept. */
export type HistoryChannel = (typeof HISTORY_CHANNELS)[number];

/** A wire column: floats with NaN where absent, ints with the package's `ABSENT`. */
export type Column = Float32Array | Int32Array;

/** A block's columns by channel; those that the stream does not carry are undefined. */
export type Columns = Pick<BlockColumns, 'get'>;

/** Rows kept unless told otherwise: one hour at 60 Hz. */
export const HOUR_AT_60_HZ = 216_000;

/** The value of one row of a wire column; NaN where the column or the value is absent. */
export function valueAt(column: Column | undefined, row: number): number {
  if (column === undefined) return NaN;
  const value = column[row] as number;
  return column instanceof Int32Array && value === ABSENT ? NaN : value;
}

/** The rows of one session. */
export class History {
  readonly #ring: Ring;
  /** The ring's views; made again after each block, and when the module's memory moved, which empties them. */
  #times: Float64Array = new Float64Array();
  #columns: Partial<Record<HistoryChannel, Float32Array>> = {};
  #viewed = -1;

  constructor(readonly capacity: number = HOUR_AT_60_HZ) {
    this.#ring = new Ring({ channels: HISTORY_CHANNELS, rows: capacity });
  }

  /** One more than the number of the newest row. */
  get end(): number {
    return this.#ring.end;
  }

  /** The oldest row that is still there. */
  get begin(): number {
    return this.#ring.begin;
  }

  /** Gives the memory back: it lies in the codec's module, where no one collects it in time. The history is empty then. */
  free(): void {
    this.#ring.free();
  }

  /** Copies the samples that are later than the newest row to the end, and says how many were not. */
  append(capturedAtUs: ArrayLike<number>, length: number, wire: Columns): number {
    const { end } = this.#ring;
    this.#ring.append({ length, columns: wire, capturedAtUs });
    return length - (this.#ring.end - end);
  }

  /** When row `row` was captured, in Unix microseconds on the driver's clock; NaN for a row that is not there. */
  timeUs(row: number): number {
    if (!this.has(row)) return NaN;
    this.#refreshViews();
    return Math.round((this.#times[row - this.begin] as number) * 1e6);
  }

  /** The value of `channel` in row `row`; NaN where it is absent or the row is not there. */
  at(channel: HistoryChannel, row: number): number {
    if (!this.has(row)) return NaN;
    this.#refreshViews();
    return (this.#columns[channel] as Float32Array)[row - this.begin] as number;
  }

  #refreshViews(): void {
    if (this.#viewed === this.#ring.end && this.#times.length > 0) return;
    this.#viewed = this.#ring.end;
    this.#times = this.#ring.capturedAtS;
    for (const channel of HISTORY_CHANNELS) this.#columns[channel] = this.#ring.column(channel);
  }

  has(row: number): boolean {
    return row >= this.begin && row < this.end;
  }

  /** The first row from `from` up to `to` captured at or after `timeUs`; `to` if there is none. Times rise with rows. */
  rowAt(timeUs: number, from: number = this.begin, to: number = this.end): number {
    return this.#search((row) => this.timeUs(row) >= timeUs, from, to);
  }

  /** The first row of a lap (rows `from` up to `to`) at or past `fraction` of it; `to` if it was not reached. */
  rowAtFraction(fraction: number, from: number, to: number): number {
    return this.#search((row) => this.at('lapFraction', row) >= fraction, from, to);
  }

  /** Samples a second over the last `windowUs`, as the source took them; NaN with fewer than two samples. */
  rateHz(windowUs: number): number {
    const last = this.end - 1;
    const first = this.rowAt(this.timeUs(last) - windowUs);
    const spanUs = this.timeUs(last) - this.timeUs(first);
    return spanUs > 0 ? ((last - first) * 1e6) / spanUs : NaN;
  }

  #search(reached: (row: number) => boolean, from: number, to: number): number {
    let low = Math.max(from, this.begin);
    let high = Math.max(low, Math.min(to, this.end));
    while (low < high) {
      const middle = (low + high) >> 1;
      if (reached(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}
