// What were the median and the worst of the last values? A window of fixed length over a stream of numbers.

/** The last values, up to a fixed number. */
export class Quantiles {
  readonly #values: Float64Array;
  #n = 0;

  constructor(length: number) {
    this.#values = new Float64Array(length);
  }

  /** How many values the window holds. */
  get size(): number {
    return Math.min(this.#n, this.#values.length);
  }

  push(value: number): void {
    this.#values[this.#n % this.#values.length] = value;
    this.#n += 1;
  }

  clear(): void {
    this.#n = 0;
  }

  /** The values below which these shares (0 to 1) of the window lie; NaN while it is empty. */
  at(...shares: number[]): number[] {
    const sorted = this.#values.slice(0, this.size).sort();
    return shares.map((share) => sorted[Math.floor(share * (sorted.length - 1))] ?? NaN);
  }
}
