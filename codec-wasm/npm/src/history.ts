// What were the last minutes? A ring of rows in the module's memory, whose newest rows always lie in one piece.

import { makeDisposable, type Dispose } from './dispose.js';
import { CodecError } from './errors.js';
import { ABSENT, type ChannelColumns } from './fields.js';
import { MAX_SAMPLES } from './shared.js';
import { isRunning, Store, wasm } from './wasm.js';

/** Rows kept unless it is set otherwise: ten minutes at 60 Hz. */
const ROWS = 36_000;
/** Most memory of one history, in bytes. */
const MOST_BYTES = 256 * 1024 * 1024;
/** A row that is older than the newest by more than this, in s, means that a clock was set back: the history starts again. */
const SET_BACK_S = 10;

/** The names of channels: those of the table, and one's own. */
export type ChannelKey<Own extends object = {}> = keyof (ChannelColumns & Own) & string;

/** Settings of a {@link History}. */
export interface HistoryOptions<Own extends object = {}> {
  /** The channels to keep, by their keys: 4 bytes a row each. */
  readonly channels: readonly ChannelKey<Own>[];
  /** How many samples to keep, at least; 36,000 if not given, which is ten minutes at 60 Hz. */
  readonly rows?: number;
}

/** What a history takes: the samples of a feed's event. */
export interface HistoryBlock {
  readonly length: number;
  readonly columns: { get(key: string): Float32Array | Int32Array | undefined };
  readonly capturedAtUs: ArrayLike<number>;
}

/**
 * The last samples of some channels, as typed arrays in order of time, which uPlot takes without conversion. {@link Feed.history}
 * makes one that fills itself; or fill one by hand with {@link append}.
 *
 * All values are float32, so ints above 2^24 are rounded; absent is NaN. The arrays are views of the module's memory,
 * valid until the next block: ask for them each time you draw. An {@link append} copies the block and nothing
 * else, except when its memory is used up: then it moves the rows to the start, once in every eighth of the rows.
 *
 * @example
 * const history = feed.history({ channels: ['speedMps', 'brake'], rows: 60 * 60 * 10 });
 * const draw = () => { plot.setData(history.data(30)); requestAnimationFrame(draw); };
 */
export class History<Own extends object = {}> {
  readonly channels: readonly ChannelKey<Own>[];
  /** The most rows that it keeps. */
  readonly capacity: number;
  /** Rows that fit into the memory: the capacity and some more, so that rows are rarely moved. */
  readonly #slots: number;
  #store: Store | null = null;
  #times: Float64Array = new Float64Array();
  #values: Float32Array = new Float32Array();
  /** Where the oldest row lies. */
  #start = 0;
  #length = 0;
  #end = 0;
  #freed = false;
  /** Calls {@link free}, for `using`. */
  declare readonly [Symbol.dispose]: Dispose;

  /** @throws {CodecError} `bad_option` if `rows` is not a whole number from 1 on, without channels, or above 256 MiB in all. */
  constructor({ channels, rows = ROWS }: HistoryOptions<Own>) {
    this.channels = [...new Set(channels)];
    this.capacity = rows;
    this.#slots = rows + Math.max(MAX_SAMPLES, rows >> 3);
    const fits = Number.isInteger(rows) && rows >= 1 && channels.length > 0 && this.#words * 8 <= MOST_BYTES;
    if (!fits) {
      const asked = `${rows} rows of ${channels.length} channels`;
      throw new CodecError('bad_option', `a history of ${asked}: expected at least one of each, and at most 256 MiB`);
    }
  }

  /** The number of rows. */
  get length(): number {
    return this.#length;
  }

  /** Whether {@link free} was called. */
  get freed(): boolean {
    return this.#freed;
  }

  /** One more than the number of the newest row; rows are numbered from 0 on and keep their numbers. */
  get end(): number {
    return this.#end;
  }

  /** The number of the oldest row that is still there: `column(key)[row - begin]` is the value of a row. */
  get begin(): number {
    return this.#end - this.#length;
  }

  /** When each row was captured: Unix seconds on the driver's clock, rising. */
  get capturedAtS(): Float64Array {
    this.#refreshViews();
    return this.#times.subarray(this.#start, this.#start + this.#length);
  }

  /** The values of a channel, one for each of {@link capturedAtS}; NaN for absent ones. Empty if the channel is not kept. */
  column(key: ChannelKey<Own>): Float32Array {
    const at = this.channels.indexOf(key);
    this.#refreshViews();
    if (at < 0) return new Float32Array();
    const start = at * this.#slots + this.#start;
    return this.#values.subarray(start, start + this.#length);
  }

  /** The times and then the channels in order, as uPlot's `setData` takes them: all rows, or only the last seconds. */
  data(lastSeconds = Infinity): [Float64Array, ...Float32Array[]] {
    const times = this.capturedAtS;
    const from = indexAt(times, (times[times.length - 1] ?? 0) - lastSeconds);
    return [times.subarray(from), ...this.channels.map((key) => this.column(key).subarray(from))];
  }

  /** The index in the arrays of the first row captured at this time or later, in Unix seconds; `length` if there is none. */
  indexAt(timeS: number): number {
    return indexAt(this.capturedAtS, timeS);
  }

  /**
   * Adds a block of samples. Rows that are not later than the newest one are left out, so times always rise; after a
   * clock was set back by more than 10 s the history starts again.
   *
   * @throws {CodecError} `not_initialized` before {@link init} is done, `freed` after {@link free}.
   */
  append({ length, columns, capturedAtUs }: HistoryBlock): void {
    if (this.#freed) throw new CodecError('freed', 'this history was freed: make another one');
    wasm(); // throws where there is no memory yet
    this.#refreshViews();
    const newestS = this.#times[this.#start + this.#length - 1] ?? -Infinity;
    const lastS = (capturedAtUs[length - 1] ?? NaN) / 1e6;
    if (this.#length > 0 && lastS < newestS - SET_BACK_S) this.clear();
    let first = 0;
    if (this.#length > 0) while (first < length && (capturedAtUs[first] ?? NaN) / 1e6 <= newestS) first++;
    const n = length - first;
    if (n === 0) return;
    const to = this.#makeRoom(n);
    for (let row = 0; row < n; row++) this.#times[to + row] = (capturedAtUs[first + row] ?? NaN) / 1e6;
    this.channels.forEach((key, at) => copy(columns.get(key), first, n, this.#values, at * this.#slots + to));
    this.#end += n;
    this.#length = Math.min(this.capacity, this.#length + n);
    this.#start = to + n - this.#length;
  }

  /** Forgets all rows; their numbers are not used again. */
  clear(): void {
    this.#start = 0;
    this.#length = 0;
  }

  /** Gives the memory back at once; without it, that happens some time after the last use. A freed history is empty. */
  free(): void {
    this.clear();
    this.#freed = true;
    this.#times = new Float64Array();
    this.#values = new Float32Array();
    this.#store?.free();
    this.#store = null;
  }

  /** Memory in numbers of 8 bytes: a time and the channels for each row. */
  get #words(): number {
    return Math.ceil(this.#slots * (1 + this.channels.length / 2));
  }

  /** Makes the views of its memory, the first time and when the module's memory has grown, which empties them. */
  #refreshViews(): void {
    if (this.#times.length > 0 || this.#freed) return;
    // Without the module there are no rows yet.
    if (!isRunning()) return;
    this.#store ??= new Store(this.#words);
    const [at, { buffer }] = [this.#store.ptr(), wasm().memory];
    this.#times = new Float64Array(buffer, at, this.#slots);
    this.#values = new Float32Array(buffer, at + this.#slots * 8, this.#slots * this.channels.length);
  }

  /** Where the next `n` rows go: after the others, which move to the start if there is no room. */
  #makeRoom(n: number): number {
    const to = this.#start + this.#length;
    if (to + n <= this.#slots) return to;
    const kept = Math.max(0, Math.min(this.#length, this.capacity - n));
    this.#times.copyWithin(0, to - kept, to);
    for (let base = 0; base < this.#values.length; base += this.#slots) {
      this.#values.copyWithin(base, base + to - kept, base + to);
    }
    this.#length = kept;
    return kept;
  }
}

makeDisposable(History, History.prototype.free);

/** Copies `n` values from `first` on. Absent values become NaN, and so does a whole absent channel. */
function copy(from: Float32Array | Int32Array | undefined, first: number, n: number, to: Float32Array, at: number): void {
  if (from === undefined) to.fill(NaN, at, at + n);
  else if (from instanceof Float32Array) for (let row = 0; row < n; row++) to[at + row] = from[first + row] ?? NaN;
  else for (let row = 0; row < n; row++) to[at + row] = from[first + row] === ABSENT ? NaN : (from[first + row] ?? NaN);
}

/** The index of the first of these rising times that is `timeS` or later. */
function indexAt(times: Float64Array, timeS: number): number {
  let low = 0;
  let high = times.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] ?? NaN) >= timeS) high = middle;
    else low = middle + 1;
  }
  return low;
}
