// How do records become samples? A decoder: push the bytes of a record, read the columns.

import type { Columns, Sample } from './columns.js';
import { makeDisposable, type Dispose } from './dispose.js';
import type { TelemetryEvent } from './events.js';
import type { Facts } from './facts.js';
import { Port } from './port.js';
import type { Received } from './received.js';
import type { Schema } from './schema.js';
import { Streams } from './streams.js';

/**
 * Turns records into samples, once and in order: repeats are dropped, and after a hole it waits for the next key block.
 * One decoder reads all streams of one user; make as many decoders as you like.
 *
 * A push allocates nothing once a stream's channels are known: `push` returns the same object each time, with new content, and
 * the columns are views of the module's memory.
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
  readonly #port = new Port();
  readonly #streams = new Streams<Own>(this.#port);
  /** Calls {@link free}, so that `using decoder = new Decoder()` does. */
  declare readonly [Symbol.dispose]: Dispose;

  /**
   * Takes one record: the value of a Kafka record, or a record of a recording.
   *
   * @param bytes the record; its content is copied.
   * @returns its content; valid until the next push.
   * @throws {CodecError} for bytes that are not a record of this version. The decoder goes on with the next record.
   */
  push(bytes: Uint8Array | ArrayBuffer): Received {
    const port = this.#port;
    return this.#streams.take(port.reader.pushRecord(port.write(bytes)));
  }

  /** The columns of the newest block. Empty before the first one. Valid until the next push. */
  get columns(): Columns<Own> {
    return this.#streams.columns;
  }

  /** When each sample of the newest block was captured: Unix µs on the driver's clock. Valid until the next push. */
  get capturedAtUs(): Float64Array {
    return this.#streams.capturedAtUs;
  }

  /**
   * The newest sample as an object that you can keep, without the absent channels; null before the first. It is the same
   * object until the next block.
   */
  latest(): Sample<Own> | null {
    return this.#streams.latest();
  }

  /** The channels of the newest block's stream; null before the first. */
  get schema(): Schema | null {
    return this.#streams.schema;
  }

  /** The newest facts; null before the first. */
  get facts(): Facts | null {
    return this.#streams.facts;
  }

  /** The newest events, oldest first; at most 100. */
  get events(): readonly TelemetryEvent[] {
    return this.#streams.events;
  }

  /**
   * Gives the memory back at once; without it, that happens some time after the last use. A freed decoder's columns are
   * empty, and {@link push} throws `freed`.
   */
  free(): void {
    this.#streams.free();
  }
}

makeDisposable(Decoder, Decoder.prototype.free);
