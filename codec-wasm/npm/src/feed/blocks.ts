// How does a loop get every block, although the feed does not wait for it? From a bounded queue of copies.

import { CodecError } from '../errors.js';
import type { Emitter } from './emitter.js';
import type { FeedBlock, FeedEvents, FeedSamples } from './types.js';

/** Blocks that wait for a slow loop unless it is set otherwise: about eight seconds of the usual ones. */
export const QUEUED_BLOCKS = 256;

/** A block in memory of its own. */
export function copyOf<Own extends object>(samples: FeedSamples<Own>): FeedSamples<Own> {
  const columns = samples.columns.copy();
  return { ...samples, columns, capturedAtUs: samples.capturedAtUs.slice() };
}

/** The blocks of a feed from now on, as an iterator. When the queue is full its oldest block is dropped, and counted. */
export class Blocks<Own extends object> implements AsyncIterableIterator<FeedBlock<Own>> {
  readonly #queue: FeedSamples<Own>[] = [];
  readonly #offs: (() => void)[];
  readonly #limit: number;
  /** Blocks dropped since the loop got one. */
  #dropped = 0;
  readonly #waiting: (() => void)[] = [];
  #done = false;
  /** What the loop throws at the end of the queue, if it is not simply over. */
  #failure: { readonly error: unknown } | null = null;

  /** `closed` is aborted when the feed is; `signal` is the loop's own. */
  constructor(emitter: Emitter<FeedEvents<Own>>, closed: AbortSignal, limit: number, signal: AbortSignal | undefined) {
    this.#limit = limit;
    const end = (): void => this.#end(null);
    const abort = (): void => this.#end({ error: signal?.reason });
    this.#offs = [
      emitter.on('samples', (samples) => this.#add(samples)),
      emitter.on('state', ({ state, reason }) => {
        if (state === 'refused') this.#end({ error: new CodecError('refused', reason ?? 'the bridge refused') });
      }),
      () => closed.removeEventListener('abort', end),
      () => signal?.removeEventListener('abort', abort),
    ];
    closed.addEventListener('abort', end);
    signal?.addEventListener('abort', abort);
    if (closed.aborted) end();
    if (signal?.aborted) abort();
  }

  async next(): Promise<IteratorResult<FeedBlock<Own>, undefined>> {
    for (;;) {
      const block = this.#queue.shift();
      if (block !== undefined) {
        const dropped = this.#dropped;
        this.#dropped = 0;
        return { done: false, value: { ...block, dropped } };
      }
      if (this.#failure !== null) {
        const { error } = this.#failure;
        this.#failure = null;
        throw error;
      }
      if (this.#done) return { done: true, value: undefined };
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  async return(): Promise<IteratorResult<FeedBlock<Own>, undefined>> {
    this.#queue.length = 0;
    this.#end(null);
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  #add(samples: FeedSamples<Own>): void {
    if (this.#queue.length >= this.#limit) {
      this.#queue.shift();
      this.#dropped++;
    }
    this.#queue.push(copyOf(samples));
    this.#wake();
  }

  #end(failure: { readonly error: unknown } | null): void {
    if (this.#done) return;
    this.#done = true;
    this.#failure = failure;
    for (const off of this.#offs) off();
    this.#wake();
  }

  #wake(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }
}
