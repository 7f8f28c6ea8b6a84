// How long is the usual wait for a session's next block? So that rare blocks are not taken for silence.

/** No pace is longer than this, in ms: a session that is quiet for that long is over. */
const LONGEST_PACE_MS = 10_000;

/** The time from one block of a session to the next, by the samples' own clock. */
export class Pace {
  #lastUs = NaN;
  #beforeMs = 0;

  /**
   * Takes note of a block of `length` samples captured from `firstUs` to `lastUs`, and gives the pace in ms: how long
   * the block is itself, or if the last two came further apart, that. 0 while unknown.
   */
  add(length: number, firstUs: number, lastUs: number): number {
    const ownMs = length > 1 ? ((lastUs - firstUs) / 1000) * (length / (length - 1)) : 0;
    // `|| 0` for the first block, which has none before it.
    const spanMs = Math.max(0, (lastUs - this.#lastUs) / 1000) || 0;
    // The shorter of two, because a hole is one long wait and not a pace.
    const usualMs = Math.min(spanMs, this.#beforeMs);
    this.#beforeMs = spanMs;
    this.#lastUs = lastUs;
    return Math.min(LONGEST_PACE_MS, Math.max(ownMs, usualMs));
  }
}
