// How does a page read a block's values? As one typed array per channel, straight over WebAssembly memory.

import { ABSENT, FLOAT_KEYS, INT_KEYS, type ChannelColumns, type ChannelValues } from './fields.js';
import type { Channel, Schema } from './schema.js';
import { MAX_SAMPLES } from './shared.js';

/**
 * The values of one block: a property for each channel, as typed arrays of the block's length.
 *
 * They are views of memory that the next {@link Decoder.push} writes again: copy what you keep. A channel that the
 * stream does not carry is a column of absent values, so reading one never fails; {@link BlockColumns.has} tells.
 *
 * Channels of your own are properties too, under the camelCase of their name. `Own` gives them types:
 *
 * @example
 * history.speed.set(decoder.columns.speedMps, at);      // copies the block
 * @example
 * interface Rig { seatForceN: Float32Array; pedalFault: Int32Array }
 * const feed = connect<Rig>(url);
 * feed.on('samples', ({ columns }) => columns.seatForceN.at(-1));
 */
export type Columns<Own extends object = {}> = BlockColumns<Own> & ChannelColumns & Readonly<Own>;

/** All channels at one instant; what the source does not give is missing. */
export type Sample<Own extends object = {}> = ChannelValues & { readonly [Key in keyof Own]?: number };

/** What columns can do, apart from having a property for each channel. */
export interface BlockColumns<Own extends object = {}> {
  /** Number of samples in each column. */
  readonly length: number;
  /** Whether the stream carries this channel. Its values can still be absent. */
  has(key: string): boolean;
  /** The column of any channel that the stream carries, by its camelCase key. */
  get<Key extends keyof (ChannelColumns & Own)>(key: Key): (ChannelColumns & Own)[Key] | undefined;
  get(key: string): Float32Array | Int32Array | undefined;
  /** The sample at `index` as an object of its own, without the absent channels; `index` is 0 to `length - 1`. */
  sample(index: number): Sample<Own>;
  /** A copy of the columns in memory of its own, which later blocks leave alone. */
  copy(): Columns<Own>;
}

/** Where a block lies in memory: addresses in bytes, the distance of two columns in values, and its length. */
export interface Place {
  floats: number;
  ints: number;
  stride: number;
  times: number;
  length: number;
}

type Column = Float32Array | Int32Array;

/** What columns are views of. After it has grown, its buffer is a new one. */
export interface Memory {
  readonly buffer: ArrayBufferLike;
}

const NO_MEMORY: Memory = { buffer: new ArrayBuffer(0) };
const NOWHERE: Place = { floats: 0, ints: 0, stride: 0, times: 0, length: 0 };

const NO_FLOATS = new Float32Array(MAX_SAMPLES).fill(NaN);
const NO_INTS = new Int32Array(MAX_SAMPLES).fill(ABSENT);

/**
 * The columns of one stream's blocks. A view is made when it is first asked for and kept while the blocks have the same
 * length and place, so a steady stream allocates nothing. When the memory grows its old views become empty, and that is how
 * they are found to be out of date: asking for the buffer each time would take longer than everything else.
 */
export class ColumnViews {
  readonly #channels: readonly Channel[];
  /** Each channel's index among the channels of its kind. */
  readonly #indexes: number[] = [];
  readonly #positions = new Map<string, number>();
  readonly #views: (Column | undefined)[] = [];
  readonly #place: Place = { ...NOWHERE };
  #memory = NO_MEMORY;
  #capturedAtUs: Float64Array = new Float64Array();
  #noFloats = NO_FLOATS.subarray(0, 0);
  #noInts = NO_INTS.subarray(0, 0);

  constructor({ channels }: Schema) {
    this.#channels = channels;
    const count = { float: 0, int: 0 };
    channels.forEach(({ key, kind }, position) => {
      this.#positions.set(key, position);
      this.#indexes.push(count[kind]++);
    });
  }

  get length(): number {
    return this.#place.length;
  }

  /** When each sample was captured: Unix µs on the driver's clock. */
  get capturedAtUs(): Float64Array {
    const { times, length } = this.#place;
    if (this.#capturedAtUs.length !== length) this.#capturedAtUs = new Float64Array(this.#memory.buffer, times, length);
    return this.#capturedAtUs;
  }

  /** Shows the block at this place in `memory` from now on. */
  show(memory: Memory, place: Place): void {
    const now = this.#place;
    if (
      memory === this.#memory &&
      place.length === now.length &&
      place.floats === now.floats &&
      place.ints === now.ints &&
      place.stride === now.stride &&
      place.times === now.times
    ) {
      return;
    }
    Object.assign(now, place);
    this.#memory = memory;
    this.#views.fill(undefined);
    this.#capturedAtUs = new Float64Array();
    this.#noFloats = NO_FLOATS.subarray(0, place.length);
    this.#noInts = NO_INTS.subarray(0, place.length);
  }

  /** Shows nothing from now on. */
  clear(): void {
    this.show(NO_MEMORY, NOWHERE);
  }

  has(key: string): boolean {
    return this.#positions.has(key);
  }

  get(key: string): Column | undefined {
    const position = this.#positions.get(key);
    return position === undefined ? undefined : this.at(position);
  }

  /** The column of the channel at this position in the schema. */
  at(position: number): Column {
    const view = this.#views[position];
    return view?.length === this.#place.length ? view : (this.#views[position] = this.#makeView(position));
  }

  /** A column of absent values. */
  absent(kind: 'float' | 'int'): Column {
    return kind === 'float' ? this.#noFloats : this.#noInts;
  }

  sample(index: number): Sample {
    const sample: Record<string, number> = { capturedAtUs: this.capturedAtUs[index] ?? NaN };
    this.#channels.forEach(({ key, kind }, position) => {
      const value = this.at(position)[index];
      if (value === undefined || (kind === 'float' ? Number.isNaN(value) : value === ABSENT)) return;
      sample[key] = value;
    });
    return sample as unknown as Sample;
  }

  copy(): this {
    const { length } = this;
    const count = { float: 0, int: 0 };
    for (const { kind } of this.#channels) count[kind]++;
    const floats = length * Float64Array.BYTES_PER_ELEMENT;
    const ints = floats + count.float * length * Float32Array.BYTES_PER_ELEMENT;
    const buffer = new ArrayBuffer(ints + count.int * length * Int32Array.BYTES_PER_ELEMENT);
    const copy = new (this.constructor as new () => this)();
    copy.show({ buffer }, { floats, ints, stride: length, times: 0, length });
    copy.capturedAtUs.set(this.capturedAtUs);
    this.#channels.forEach((_, position) => copy.at(position).set(this.at(position)));
    return copy;
  }

  #makeView(position: number): Column {
    const { floats, ints, stride, length } = this.#place;
    const { buffer } = this.#memory;
    const bytes = (this.#indexes[position] ?? 0) * stride * 4;
    return this.#channels[position]?.kind === 'int'
      ? new Int32Array(buffer, ints + bytes, length)
      : new Float32Array(buffer, floats + bytes, length);
  }
}

/** For each schema the class of its columns. */
const classes = new WeakMap<Schema, new () => ColumnViews & Columns>();

/** Columns with a property for every channel of this schema and of the built-in table. */
export function makeColumns(schema: Schema): ColumnViews & Columns {
  let Made = classes.get(schema);
  if (Made === undefined) {
    Made = columnsClass(schema);
    classes.set(schema, Made);
  }
  return new Made();
}

function columnsClass(schema: Schema): new () => ColumnViews & Columns {
  class SchemaColumns extends ColumnViews {
    constructor() {
      super(schema);
    }
  }
  const { prototype } = SchemaColumns;
  const define = (key: string, get: (this: ColumnViews) => Column) => {
    if (!(key in prototype)) Object.defineProperty(prototype, key, { get, enumerable: true });
  };
  schema.channels.forEach(({ key }, position) =>
    define(key, function () {
      return this.at(position);
    }),
  );
  for (const key of FLOAT_KEYS) {
    define(key, function () {
      return this.absent('float');
    });
  }
  for (const key of INT_KEYS) {
    define(key, function () {
      return this.absent('int');
    });
  }
  return SchemaColumns as unknown as new () => ColumnViews & Columns;
}

/** What a page reads before the first block. */
export const NO_COLUMNS = makeColumns({ hash: '', channels: [] });
