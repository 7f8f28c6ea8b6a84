// Which sessions are there, and which one is shown? Each sample, fact and lap goes to its session.

import type { Facts, Feed, Samples } from '../feed';
import type { LapEvent } from './lap';
import { Session } from './session';

/** Sessions remembered; as many as a bridge keeps live for one user. Each takes about 12 MB. */
const MAX_SESSIONS = 8;
/** A session without a block for this long is not live. */
const LIVE_US = 10_000_000;
/** Two epochs of a session with blocks within this time are both live. */
const BOTH_US = 2_000_000;

/** The sessions of one feed. */
export class Telemetry {
  readonly #nowUs: () => number;
  readonly #sessions = new Map<string, Session>();
  /** Facts come before a session's first sample, too. */
  readonly #factsByName = new Map<string, Facts>();
  #current: string | null = null;
  #chosen = false;

  constructor(feed: Feed, nowUs: () => number) {
    this.#nowUs = nowUs;
    feed.listen({
      onSamples: (samples) => this.#takeSamples(samples),
      onFacts: (session, facts) => this.#takeFacts(session, facts),
      onLap: (session, lap) => this.#takeLap(session, lap),
      onEnd: (session) => this.#end(session),
    });
  }

  /** Live sessions first, then the newest first. */
  list(): Session[] {
    return [...this.#sessions.values()].sort((a, b) => Number(this.isLive(b)) - Number(this.isLive(a)) || b.newestUs - a.newestUs);
  }

  isLive(session: Session): boolean {
    return !session.ended && this.#nowUs() - session.arrivedUs < LIVE_US;
  }

  /** The session to show: the chosen one; without a choice the one shown before while it lives, else a live one. */
  get shown(): Session | null {
    const before = this.#current === null ? undefined : this.#sessions.get(this.#current);
    if (before !== undefined && (this.#chosen || this.isLive(before))) return before;
    const first = this.list()[0] ?? null;
    this.#current = first?.name ?? null;
    return first;
  }

  choose(name: string): void {
    this.#current = name;
    this.#chosen = true;
  }

  #takeSamples(samples: Samples): void {
    if (samples.length > 0) this.#route(samples.session, samples.epoch).push(samples, this.#nowUs());
  }

  #takeFacts(name: string, facts: Facts): void {
    const all = { ...this.#factsByName.get(name), ...facts };
    // Deleted first, so that the map's order is by last use.
    this.#factsByName.delete(name);
    this.#factsByName.set(name, all);
    const [oldest] = this.#factsByName.keys();
    if (this.#factsByName.size > 2 * MAX_SESSIONS && oldest !== undefined) this.#factsByName.delete(oldest);
    for (const session of this.#named(name)) session.facts = all;
  }

  #takeLap(name: string, lap: LapEvent): void {
    this.#named(name)[0]?.takeLapEvent(lap);
  }

  #end(name: string): void {
    for (const session of this.#named(name)) session.ended = true;
  }

  #named(name: string): Session[] {
    return [...this.#sessions.values()].filter((session) => session.name === name || session.name.startsWith(`${name} (`));
  }

  /** A session's new epoch goes on in its history, unless the old one is live too and did not end: then both are shown. */
  #route(name: string, epoch: number): Session {
    const both = `${name} (${epoch.toString(16)})`;
    const known = this.#sessions.get(both) ?? this.#sessions.get(name);
    if (known === undefined) return this.#open(name, name, epoch);
    if (known.epoch === epoch) return known;
    if (!known.ended && this.#nowUs() - known.arrivedUs < BOTH_US) return this.#open(name, both, epoch);
    known.epoch = epoch;
    return known;
  }

  #open(name: string, shownAs: string, epoch: number): Session {
    const session = new Session(shownAs, epoch);
    session.facts = this.#factsByName.get(name) ?? {};
    this.#sessions.set(shownAs, session);
    if (this.#sessions.size > MAX_SESSIONS) {
      const oldest = this.list().findLast((other) => other !== session && other.name !== this.#current);
      if (oldest !== undefined) {
        this.#sessions.delete(oldest.name);
        oldest.history.free();
      }
    }
    return session;
  }
}
