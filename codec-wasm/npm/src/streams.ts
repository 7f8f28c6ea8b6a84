// What have a user's streams brought so far? The columns of the newest block, its schema, the facts, the events.

import { makeColumns, NO_COLUMNS, type Columns, type ColumnViews, type Place, type Sample } from './columns.js';
import { decodeError } from './errors.js';
import { readEvent, type TelemetryEvent } from './events.js';
import { readFacts, type Facts } from './facts.js';
import type { Note } from './note.js';
import type { Port } from './port.js';
import type { Gap, Received, ReceivedSamples, StreamId } from './received.js';
import { readSchema, type Schema } from './schema.js';
import * as shared from './shared.js';

/** Events that are remembered. */
const REMEMBERED_EVENTS = 100;

const REPEAT: Received = { kind: 'repeat' };
const SKIPPED: Received = { kind: 'skipped' };

type Stream = StreamId & { readonly schema: Schema; readonly columns: ColumnViews & Columns };

/** What was read through one port. */
export class Streams<Own extends object> {
  readonly #port: Port;
  /** By the number that the reader gave them. */
  readonly #streams = new Map<number, Stream>();
  readonly #place: Place = { floats: 0, ints: 0, stride: 0, times: 0, length: 0 };
  readonly #samples: { -readonly [Key in keyof ReceivedSamples]: ReceivedSamples[Key] } = {
    kind: 'samples',
    length: 0,
    seq: 0,
    session: '',
    epoch: 0,
    gap: null,
  };
  readonly events: TelemetryEvent[] = [];
  facts: Facts | null = null;
  #current: Stream | null = null;
  #latest: Sample<Own> | null = null;
  /** Of the current stream. */
  #number = 0;

  constructor(port: Port) {
    this.#port = port;
  }

  /** The columns of the newest block; empty before the first. */
  get columns(): Columns<Own> {
    return (this.#current?.columns ?? NO_COLUMNS) as unknown as Columns<Own>;
  }

  get capturedAtUs(): Float64Array {
    return (this.#current?.columns ?? NO_COLUMNS).capturedAtUs;
  }

  /** The newest sample, the same object until the next block; null before the first. */
  latest(): Sample<Own> | null {
    const { columns } = this;
    if (columns.length > 0) this.#latest ??= columns.sample(columns.length - 1);
    return this.#latest;
  }

  /** The schema of the newest block's stream; null before the first. */
  get schema(): Schema | null {
    return this.#current?.schema ?? null;
  }

  /** Takes what a push of a record found, one of `FOUND_…`. Throws a `CodecError` if the reader refused the record. */
  take(found: number): Received {
    switch (found) {
      case shared.FOUND_SAMPLES:
        return this.#takeSamples();
      case shared.FOUND_SCHEMA: {
        const note = this.#port.note();
        return { kind: 'schema', ...readStream(note), schema: readSchema(note) };
      }
      case shared.FOUND_FACTS: {
        const note = this.#port.note();
        const stream = readStream(note);
        this.facts = readFacts(note);
        return { kind: 'facts', ...stream, facts: this.facts };
      }
      case shared.FOUND_EVENT: {
        const note = this.#port.note();
        const stream = readStream(note);
        const event = readEvent(note);
        this.events.push(event);
        if (this.events.length > REMEMBERED_EVENTS) this.events.shift();
        return { kind: 'event', ...stream, event };
      }
      case shared.FOUND_END:
        return { kind: 'end', ...readStream(this.#port.note()), gap: gapIn(this.#port.head) };
      case shared.FOUND_REPEAT:
        return REPEAT;
      case shared.FOUND_WAITING: {
        const { head } = this.#port;
        return { kind: 'waiting', epoch: head[shared.HEAD_EPOCH] ?? NaN, gap: gapIn(head) };
      }
      case shared.FOUND_SKIPPED:
        return SKIPPED;
      default:
        // A block that failed half way leaves the columns in an undefined state.
        this.#forgetColumns();
        throw decodeError(this.#port.note().text());
    }
  }

  /** Empties all columns for good, and gives the module's memory back. */
  free(): void {
    for (const { columns } of this.#streams.values()) columns.clear();
    this.#streams.clear();
    this.#current = null;
    this.#latest = null;
    this.#port.free();
  }

  #takeSamples(): ReceivedSamples {
    const { head } = this.#port;
    const place = this.#place;
    if (
      head[shared.HEAD_STREAM] !== this.#number ||
      head[shared.HEAD_LENGTH] !== place.length ||
      head[shared.HEAD_FLOATS] !== place.floats ||
      head[shared.HEAD_INTS] !== place.ints ||
      head[shared.HEAD_STRIDE] !== place.stride ||
      head[shared.HEAD_TIMES] !== place.times
    ) {
      this.#show(head);
    }
    this.#latest = null;
    const samples = this.#samples;
    samples.seq = head[shared.HEAD_SEQ] ?? 0;
    samples.gap = gapIn(head);
    return samples;
  }

  /** Shows the columns of the stream and at the place that the head tells. */
  #show(head: Float64Array): void {
    this.#number = head[shared.HEAD_STREAM] ?? 0;
    const stream = this.#streamOf(this.#number);
    const place = this.#place;
    place.floats = head[shared.HEAD_FLOATS] ?? 0;
    place.ints = head[shared.HEAD_INTS] ?? 0;
    place.stride = head[shared.HEAD_STRIDE] ?? 0;
    place.times = head[shared.HEAD_TIMES] ?? 0;
    place.length = head[shared.HEAD_LENGTH] ?? 0;
    stream.columns.show(this.#port, place);
    this.#current = stream;
    const samples = this.#samples;
    samples.length = place.length;
    samples.session = stream.session;
    samples.epoch = stream.epoch;
  }

  /** The stream that the reader gave this number; the note describes it when the number is new. */
  #streamOf(number: number): Stream {
    const known = this.#streams.get(number);
    if (known !== undefined) return known;
    const note = this.#port.note();
    const id = readStream(note);
    const schema = readSchema(note);
    const stream = { ...id, schema, columns: makeColumns(schema) };
    for (const oldest of this.#streams.keys()) {
      if (this.#streams.size < shared.MAX_STREAMS) break;
      this.#streams.delete(oldest);
    }
    this.#streams.set(number, stream);
    return stream;
  }

  #forgetColumns(): void {
    this.#latest = null;
    this.#place.length = 0;
    this.#current?.columns.show(this.#port, this.#place);
  }
}

/** What the head says is missing, if anything. */
function gapIn(head: Float64Array): Gap | null {
  const firstSeq = head[shared.HEAD_GAP_FIRST] ?? NaN;
  return Number.isNaN(firstSeq) ? null : { firstSeq, lastSeq: head[shared.HEAD_GAP_LAST] ?? NaN };
}

/** Reads what `describe::stream` wrote. */
function readStream(note: Note): StreamId {
  return { epoch: note.number(), session: note.text() };
}
