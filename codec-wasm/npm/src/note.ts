// How does everything but columns come out of the module? As a note: numbers in an agreed order, and UTF-8 text.

const text = new TextDecoder();

/**
 * Reads one note from the start to the end. A text is a number, its length in bytes, and that many bytes of the text
 * area; NaN stands for an absent value.
 */
export class Note {
  readonly #numbers: Float64Array;
  readonly #bytes: Uint8Array;
  #at = 0;
  #textAt = 0;

  constructor(numbers: Float64Array, bytes: Uint8Array) {
    this.#numbers = numbers;
    this.#bytes = bytes;
  }

  number(): number {
    return this.#numbers[this.#at++] ?? NaN;
  }

  /** Skips this many numbers. */
  skip(n: number): void {
    this.#at += n;
  }

  optionalNumber(): number | undefined {
    const value = this.number();
    return Number.isNaN(value) ? undefined : value;
  }

  boolean(): boolean {
    return this.number() === 1;
  }

  text(): string {
    return this.optionalText() ?? '';
  }

  optionalText(): string | undefined {
    const length = this.optionalNumber();
    if (length === undefined) return undefined;
    const start = this.#textAt;
    this.#textAt += length;
    // A copy, because TextDecoder refuses views of memory that several threads share.
    return text.decode(this.#bytes.slice(start, this.#textAt));
  }

  /** A list: its length, then what `read` takes for each entry. */
  list<T>(read: (note: Note) => T): T[] {
    return Array.from({ length: this.number() }, () => read(this));
  }
}
