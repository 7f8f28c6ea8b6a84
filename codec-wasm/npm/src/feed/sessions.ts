// Which sessions does this feed have, and how fast does each come?
import type { Facts } from '../facts.js';
import { Pace } from './pace.js';
import { Rate } from './rate.js';
import type { FeedSession } from './types.js';

/** Sessions that are remembered; the one heard longest ago goes first. */
const REMEMBERED = 32;

/** One session as the feed keeps it. */
export class Session implements FeedSession {
  facts: Facts | null = null;
  ended = false;
  readonly rate = new Rate();
  readonly pace = new Pace();

  constructor(
    readonly session: string,
    public epoch: number,
  ) {}

  get rateHz(): number | null {
    return this.rate.hz;
  }
}

/** The sessions by id, in the order in which they were first heard of. */
export class Sessions {
  readonly #byId = new Map<string, Session>();

  /** The session of this id, and whether it is new or has a new epoch. */
  hear(id: string, epoch: number): { session: Session; changed: boolean } {
    const known = this.#byId.get(id);
    if (known !== undefined && known.epoch === epoch && !known.ended) return { session: known, changed: false };
    if (known !== undefined) {
      known.epoch = epoch;
      known.ended = false;
      known.rate.interrupt();
      return { session: known, changed: true };
    }
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size < REMEMBERED) break;
      this.#byId.delete(oldest);
    }
    const session = new Session(id, epoch);
    this.#byId.set(id, session);
    return { session, changed: true };
  }

  get(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  all(): readonly FeedSession[] {
    return [...this.#byId.values()];
  }
}
