// How do records become samples? A decoder: push the bytes of a record, read the columns.
import { makeColumns, NO_COLUMNS, type Columns, type ColumnViews, type Memory, type Place, type Sample } from './columns.js';
import { makeDisposable } from './dispose.js';
import { CodecError, decodeError } from './errors.js';
import { readEvent, type TelemetryEvent } from './events.js';
import { readFacts, type Facts } from './facts.js';
import type { Note } from './note.js';
import type { Gap, Received, ReceivedSamples, StreamId } from './received.js';
import { readSchema, type Schema } from './schema.js';
import { Reader, readNote, wasm, type Wasm } from './wasm.js';

/** Events that a decoder remembers. */
const REMEMBERED_EVENTS = 100;
/** Streams that are remembered: as many as `reader.rs` keeps numbers for. */
const REMEMBERED_STREAMS = 16;

/** Positions in the head; `reader.rs` has the same. The first four tell where the note is. */
export const HEAD = {
  partition: 4,
  offset: 5,
  brokerTimeMs: 6,
  snapshot: 7,
  stream: 8,
  length: 9,
  seq: 10,
  gapFirst: 11,
  gapLast: 12,
  floats: 13,
  ints: 14,
  stride: 15,
  times: 16,
  epoch: 17,
  size: 18,
} as const;

/** What a push found; `reader.rs` has the same numbers. */
export const FOUND = {
  error: 0,
  samples: 1,
  schema: 2,
  facts: 3,
  event: 4,
  end: 5,
  repeat: 6,
  waiting: 7,
  skipped: 8,
  data: 16,
  hello: 32,
  gap: 33,
  state: 34,
  time: 35,
  tokenExpiring: 36,
  bye: 37,
} as const;

const REPEAT: Received = { kind: 'repeat' };
const SKIPPED: Received = { kind: 'skipped' };

const utf8 = new TextEncoder();

type Stream = StreamId & { readonly schema: Schema; readonly columns: ColumnViews & Columns };

/**
 * Turns records into samples, once and in order: repeats are dropped, and after a hole it waits for the next key block.
 * One decoder reads all streams of one user; make as many decoders as you like.
 *
 * A push allocates nothing once a stream's channels are known: `push` gives the same object again with new content,
 * and the columns are views of memory that stays where it is.
 *
 * @example
 * await init();
 * const decoder = new Decoder();
 * const got = decoder.push(bytes);
 * if (got.kind === 'samples') {
 *   const { speedMps, gear } = decoder.columns;
 *   for (let i = 0; i < got.length; i++) console.log(decoder.capturedAtUs[i], speedMps[i], gear[i]);
 * }
 */
export class Decoder<Own extends object = {}> {
  readonly #wasm: Wasm = wasm();
  readonly #reader = new Reader();
  readonly #headAt = this.#reader.headPtr();
  readonly #inputAt = this.#reader.inputPtr();
  readonly #capacity = this.#reader.inputLen();
  /** By the number that the reader gave them. */
  readonly #streams = new Map<number, Stream>();
  readonly #place: Place = { floats: 0, ints: 0, stride: 0, times: 0, length: 0 };
  readonly #events: TelemetryEvent[] = [];
  readonly #samples: { -readonly [Key in keyof ReceivedSamples]: ReceivedSamples[Key] } = {
    kind: 'samples',
    length: 0,
    seq: 0,
    session: '',
    epoch: 0,
    gap: null,
  };
  readonly #memory: Memory = new ReaderMemory(this.#wasm.memory, this.#reader);
  #head: Float64Array = new Float64Array();
  #input: Uint8Array = new Uint8Array();
  #current: Stream | null = null;
  #latest: Sample<Own> | null = null;
  /** Of the current stream. */
  #number = 0;
  #freed = false;
  #facts: Facts | null = null;
  /** Calls {@link free}, so that `using decoder = new Decoder()` does. */
  declare readonly [Symbol.dispose]: () => void;

  /**
   * Takes one record, the whole message of a WebSocket or Kafka record.
   *
   * @param bytes the record; its content is copied.
   * @returns what was in it; valid until the next push.
   * @throws {CodecError} for bytes that are no record of this version. The decoder goes on with the next record.
   */
  push(bytes: Uint8Array | ArrayBuffer): Received {
    return this.received(this.#reader.pushRecord(this.#write(bytes)));
  }

  /** The columns of the newest block. Empty before the first one. Valid until the next push. */
  get columns(): Columns<Own> {
    return (this.#current?.columns ?? NO_COLUMNS) as unknown as Columns<Own>;
  }

  /** When each sample of the newest block was captured: Unix µs on the driver's clock. Valid until the next push. */
  get capturedAtUs(): Float64Array {
    return (this.#current?.columns ?? NO_COLUMNS).capturedAtUs;
  }

  /**
   * The newest sample as an object that you can keep, without the absent channels; null before the first. It is the same
   * object until the next block.
   */
  latest(): Sample<Own> | null {
    const { columns } = this;
    if (columns.length > 0) this.#latest ??= columns.sample(columns.length - 1);
    return this.#latest;
  }

  /** The channels of the newest block's stream; null before the first. */
  get schema(): Schema | null {
    return this.#current?.schema ?? null;
  }

  /** The newest facts; null before the first. */
  get facts(): Facts | null {
    return this.#facts;
  }

  /** The newest events, oldest first; at most 100. */
  get events(): readonly TelemetryEvent[] {
    return this.#events;
  }

  /**
   * Gives the memory back at once; otherwise that happens some time after the last use. From then on the columns are
   * empty and {@link push} throws `freed`.
   */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    for (const { columns } of this.#streams.values()) columns.clear();
    this.#current = null;
    this.#latest = null;
    this.#streams.clear();
    this.#head = new Float64Array();
    this.#input = new Uint8Array();
    this.#reader.free();
  }

  /** @internal Takes a message of the bridge: its kind, as `reader.rs` numbers it. */
  pushMessage(bytes: Uint8Array | ArrayBuffer): number {
    return this.#reader.pushMessage(this.#write(bytes));
  }

  /** @internal What a viewer wants from now on; without partitions in `next`, from now on only. */
  subscribeMessage(
    session: string | undefined,
    lastSeconds: number | undefined,
    keysOnly: boolean,
    topicId: Uint8Array,
    next: Float64Array,
  ): Uint8Array {
    const topic = new Uint8Array(16);
    topic.set(topicId);
    const offsets = new Uint8Array(next.buffer, next.byteOffset, next.byteLength);
    const name = utf8.encode(session ?? '');
    this.#write(Uint8Array.of(...topic, ...offsets, ...name));
    return this.#reader.subscribe(name.length, lastSeconds ?? NaN, keysOnly, next.length / 2);
  }

  /** @internal A new token, before the old one ends. */
  refreshMessage(token: string): Uint8Array {
    return this.#reader.refresh(this.#write(utf8.encode(token)));
  }

  /** @internal The question for the bridge's time. */
  timeMessage(nowUs: number): Uint8Array {
    return Reader.time(nowUs);
  }

  /** @internal Place `index` of the head. */
  head(index: number): number {
    this.#refresh();
    return this.#head[index] ?? NaN;
  }

  /** @internal The note of the last push. */
  note(): Note {
    return readNote(this.#wasm.memory, this.#headAt);
  }

  /** @internal What a push found, by its number. */
  received(found: number): Received {
    this.#refresh();
    switch (found) {
      case FOUND.samples:
        return this.#receivedSamples();
      case FOUND.schema: {
        const note = this.note();
        return { kind: 'schema', ...readStream(note), schema: readSchema(note) };
      }
      case FOUND.facts: {
        const note = this.note();
        const stream = readStream(note);
        this.#facts = readFacts(note);
        return { kind: 'facts', ...stream, facts: this.#facts };
      }
      case FOUND.event: {
        const note = this.note();
        const stream = readStream(note);
        const event = readEvent(note);
        this.#events.push(event);
        if (this.#events.length > REMEMBERED_EVENTS) this.#events.shift();
        return { kind: 'event', ...stream, event };
      }
      case FOUND.end:
        return { kind: 'end', ...readStream(this.note()), gap: this.#gap() };
      case FOUND.repeat:
        return REPEAT;
      case FOUND.waiting:
        return { kind: 'waiting', epoch: this.head(HEAD.epoch), gap: this.#gap() };
      case FOUND.skipped:
        return SKIPPED;
      default:
        // A block that failed half way has left nothing of use in the columns.
        this.#forgetColumns();
        throw decodeError(this.note().text());
    }
  }

  /** Copies `bytes` into the input buffer and gives their length; too many of them are refused by the reader. */
  #write(bytes: Uint8Array | ArrayBuffer): number {
    if (this.#freed) throw new CodecError('freed', 'this decoder was freed: make another one');
    this.#refresh();
    const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
    if (view.length > this.#capacity) {
      throw new CodecError('too_long', `message of ${view.length} bytes, the limit is ${this.#capacity}`);
    }
    this.#input.set(view);
    return view.length;
  }

  /** Memory that grew has moved, and views of it have no length then: they are made again. Asking for `buffer` is slow. */
  #refresh(): void {
    if (this.#head.length > 0 || this.#freed) return;
    const { buffer } = this.#wasm.memory;
    this.#head = new Float64Array(buffer, this.#headAt, HEAD.size);
    this.#input = new Uint8Array(buffer, this.#inputAt, this.#capacity);
  }

  #receivedSamples(): ReceivedSamples {
    const head = this.#head;
    const place = this.#place;
    if (
      head[HEAD.stream] !== this.#number ||
      head[HEAD.length] !== place.length ||
      head[HEAD.floats] !== place.floats ||
      head[HEAD.ints] !== place.ints ||
      head[HEAD.stride] !== place.stride ||
      head[HEAD.times] !== place.times
    ) {
      this.#show(head);
    }
    this.#latest = null;
    const samples = this.#samples;
    samples.seq = head[HEAD.seq] ?? 0;
    samples.gap = this.#gap();
    return samples;
  }

  /** Shows the columns of the stream and at the place that the head tells. */
  #show(head: Float64Array): void {
    this.#number = head[HEAD.stream] ?? 0;
    const stream = this.#stream(this.#number);
    const place = this.#place;
    place.floats = head[HEAD.floats] ?? 0;
    place.ints = head[HEAD.ints] ?? 0;
    place.stride = head[HEAD.stride] ?? 0;
    place.times = head[HEAD.times] ?? 0;
    place.length = head[HEAD.length] ?? 0;
    stream.columns.show(this.#memory, place);
    this.#current = stream;
    const samples = this.#samples;
    samples.length = place.length;
    samples.session = stream.session;
    samples.epoch = stream.epoch;
  }

  /** The stream that the reader gave this number; the note describes it when the number is new. */
  #stream(number: number): Stream {
    const known = this.#streams.get(number);
    if (known !== undefined) return known;
    const note = this.note();
    const id = readStream(note);
    const schema = readSchema(note);
    const stream = { ...id, schema, columns: makeColumns(schema) };
    for (const oldest of this.#streams.keys()) {
      if (this.#streams.size < REMEMBERED_STREAMS) break;
      this.#streams.delete(oldest);
    }
    this.#streams.set(number, stream);
    return stream;
  }

  #gap(): Gap | null {
    const firstSeq = this.#head[HEAD.gapFirst] ?? NaN;
    return Number.isNaN(firstSeq) ? null : { firstSeq, lastSeq: this.#head[HEAD.gapLast] ?? NaN };
  }

  #forgetColumns(): void {
    this.#latest = null;
    this.#place.length = 0;
    this.#current?.columns.show(this.#memory, this.#place);
  }
}

makeDisposable(Decoder, Decoder.prototype.free);

/** The module's memory, for columns: they hold on to the reader that they show, so its memory is not freed under them. */
class ReaderMemory implements Memory {
  constructor(
    readonly memory: WebAssembly.Memory,
    readonly reader: Reader,
  ) {}

  get buffer(): ArrayBuffer {
    return this.memory.buffer;
  }
}

/** Reads what `describe::stream` wrote. */
function readStream(note: Note): StreamId {
  return { epoch: note.number(), session: note.text() };
}
