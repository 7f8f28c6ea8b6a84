// Which samples go into a history that follows a feed? Those of one session, and of its newest encoder start.

/** A session that was silent for this long makes way for another, in ms. */
const SILENT_AFTER_MS = 10_000;

/** Chooses samples for one history. */
export class Follow {
  readonly #only: string | undefined;
  #session: string | null = null;
  #epoch = -1;
  /** The epochs of this session so far. One that another took over from is not followed again. */
  readonly #epochs = new Set<number>();
  #heardAtMs = 0;

  /** Follows `only` this session, or if it is undefined the first that comes, and when it is over the next. */
  constructor(only: string | undefined) {
    this.#only = only;
  }

  /**
   * What to do with samples of this stream: append them, skip them, or start again with them because they are of another
   * session. `over` says whether a session has said that it is.
   */
  take(session: string, epoch: number, nowMs: number, over: (session: string) => boolean): 'append' | 'skip' | 'restart' {
    if (this.#only !== undefined && session !== this.#only) return 'skip';
    const before = this.#session;
    if (before !== null && session !== before && !over(before) && nowMs - this.#heardAtMs <= SILENT_AFTER_MS) return 'skip';
    if (session !== before) this.#epochs.clear();
    if (!this.#epochs.has(epoch)) this.#epoch = epoch;
    this.#epochs.add(epoch);
    if (epoch !== this.#epoch) return 'skip';
    this.#session = session;
    this.#heardAtMs = nowMs;
    return before === null || before === session ? 'append' : 'restart';
  }
}
