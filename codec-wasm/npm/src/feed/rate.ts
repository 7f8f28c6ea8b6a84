// How many samples a second does the source really give? By the samples' own time, not by when they arrive.

/** What is older than this counts for little, in µs. */
const MEMORY_US = 1_000_000;

/** The rate of one stream: a moving average over about a second of captured time. */
export class Rate {
  #hz: number | null = null;
  #lastUs: number | null = null;

  /** Samples per second; null until two blocks have been seen. */
  get hz(): number | null {
    return this.#hz;
  }

  /** Takes note of a block of `length` samples, the last of which was captured at `lastUs`. */
  add(length: number, lastUs: number): void {
    const spanUs = this.#lastUs === null ? 0 : lastUs - this.#lastUs;
    this.#lastUs = lastUs;
    if (spanUs <= 0) return;
    const hz = (length * 1e6) / spanUs;
    const weight = 1 - Math.exp(-spanUs / MEMORY_US);
    this.#hz = this.#hz === null ? hz : this.#hz + weight * (hz - this.#hz);
  }

  /** Forgets where the last block ended, because samples are missing after it. */
  interrupt(): void {
    this.#lastUs = null;
  }
}
