// Which moment should the moving dot show now? A clock that runs evenly though samples come in blocks.
//
// Samples arrive a block at a time, over a network that jitters. The dot is drawn a little behind the newest sample,
// by as much as the blocks of the last seconds were late, so that it never waits and never jumps.

/** How fast the estimate forgets, per block. */
const FORGET = 0.02;
const MAX_BEHIND_US = 1_000_000;

/** The moment that moving things show. */
export class Playhead {
  /** Driver's clock minus page's clock for a block that came without delay. */
  #offsetUs = NaN;
  #latenessUs = 0;
  #lastUs = NaN;

  /** A block arrived at `nowUs` (page's clock) whose last sample was captured at `lastUs` (driver's clock). */
  addBlock(nowUs: number, lastUs: number): void {
    const offset = lastUs - nowUs;
    if (Number.isNaN(this.#offsetUs) || Math.abs(offset - this.#offsetUs) > MAX_BEHIND_US) {
      this.#offsetUs = offset;
      this.#latenessUs = 0;
    }
    // Fast blocks pull the offset at once, slow ones slowly; so it stays at the edge of what arrives in time.
    this.#offsetUs = Math.max(offset, this.#offsetUs + (offset - this.#offsetUs) * FORGET);
    // Until now, the block before had to last.
    const late = nowUs + this.#offsetUs - this.#lastUs;
    if (late < MAX_BEHIND_US) this.#latenessUs = Math.max(late, this.#latenessUs + (late - this.#latenessUs) * FORGET);
    this.#lastUs = lastUs;
  }

  /** The moment to show at `nowUs`, on the driver's clock; never after `newestUs`. */
  at(nowUs: number, newestUs: number): number {
    const even = nowUs + this.#offsetUs - this.#latenessUs;
    return Number.isNaN(even) ? newestUs : Math.min(even, newestUs);
  }
}
