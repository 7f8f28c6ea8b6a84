// How do bytes get into the module, and the result of a push out of it? Through fixed places in its memory.

import type { Memory } from './columns.js';
import { CodecError } from './errors.js';
import { Note } from './note.js';
import * as shared from './shared.js';
import { Reader, wasm, type Wasm } from './wasm.js';

/**
 * One reader of the module, with views of its input buffer and of its head, the numbers that a push leaves.
 *
 * It is also the memory that columns are views of: while one of them is held, so is the reader, and what they show is
 * not freed under them.
 */
export class Port implements Memory {
  readonly reader = new Reader();
  readonly #wasm: Wasm = wasm();
  readonly #headAt = this.reader.headPtr();
  readonly #inputAt = this.reader.inputPtr();
  readonly #capacity = this.reader.inputLen();
  #head: Float64Array = new Float64Array();
  #input: Uint8Array = new Uint8Array();
  #freed = false;

  get buffer(): ArrayBuffer {
    return this.#wasm.memory.buffer;
  }

  /** The numbers of the last push, at the positions `HEAD_…`; empty when it is freed. */
  get head(): Float64Array {
    this.#refresh();
    return this.#head;
  }

  /** Copies `bytes` into the input buffer and gives their number. Throws `freed`, and `too_long` for what does not fit. */
  write(bytes: Uint8Array | ArrayBuffer): number {
    if (this.#freed) throw new CodecError('freed', 'this decoder was freed: make another one');
    this.#refresh();
    const view = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
    if (view.length > this.#capacity) {
      throw new CodecError('too_long', `message of ${view.length} bytes, the limit is ${this.#capacity}`);
    }
    this.#input.set(view);
    return view.length;
  }

  /** The note of the last push. */
  note(): Note {
    const [numbers = 0, nNumbers = 0, text = 0, nBytes = 0] = this.head.subarray(shared.HEAD_NOTE);
    return new Note(new Float64Array(this.buffer, numbers, nNumbers), new Uint8Array(this.buffer, text, nBytes));
  }

  /** Gives the module's memory back. */
  free(): void {
    if (this.#freed) return;
    this.#freed = true;
    this.#head = new Float64Array();
    this.#input = new Uint8Array();
    this.reader.free();
  }

  /** Makes the views again after the memory has grown, which leaves them with length 0. (Asking for `buffer` each time is slow.) */
  #refresh(): void {
    if (this.#head.length > 0 || this.#freed) return;
    const { buffer } = this;
    this.#head = new Float64Array(buffer, this.#headAt, shared.HEAD_SIZE);
    this.#input = new Uint8Array(buffer, this.#inputAt, this.#capacity);
  }
}
