// Which sessions does this feed have, which encoder starts send in each, and what is missing of them?

import type { Facts } from '../facts.js';
import type { Gap } from '../received.js';
import { Pace } from './pace.js';
import { Rate } from './rate.js';
import type { FeedSession } from './types.js';

/** Sessions that are remembered; the one that appeared first goes first. */
const REMEMBERED = 32;
/** Streams of one session that are remembered, in the same way. */
const REMEMBERED_STREAMS = 8;
/** A stream that was silent for that long is over, in ms. */
const SILENT_AFTER_MS = 10_000;

/** One encoder start of a session. */
export class Stream {
  readonly rate = new Rate();
  readonly pace = new Pace();
  ended = false;
  /** What is missing if no more of the stream comes. */
  pending: Gap | null = null;
  heardAtMs = 0;
  #reportedTo = -1;

  /** What of this gap has not been reported yet; it counts as reported from now on. */
  report({ firstSeq, lastSeq }: Gap): Gap | null {
    this.pending = null;
    const first = Math.max(firstSeq, this.#reportedTo + 1);
    if (first > lastSeq) return null;
    this.#reportedTo = lastSeq;
    return { firstSeq: first, lastSeq };
  }
}

/** One session as the feed keeps it. The page gets {@link Session.shown}. */
export class Session {
  readonly streams = new Map<number, Stream>();
  /** The epochs that send, the newest last. */
  sending: readonly number[] = [];
  ended = false;
  /** Whether two epochs have sent at once. */
  overlapped = false;
  #facts: Facts | null = null;
  #shown: FeedSession | null = null;

  constructor(
    readonly id: string,
    /** The newest encoder start. */
    public epoch: number,
  ) {}

  get facts(): Facts | null {
    return this.#facts;
  }

  set facts(facts: Facts) {
    this.#facts = facts;
    this.#shown = null;
  }

  /** The session as it is now, for the page: the same object until something changes. */
  get shown(): FeedSession {
    if (this.#shown === null) {
      const { id, epoch, sending, ended, facts } = this;
      const rateHz = (): number | null => this.streams.get(this.epoch)?.rate.hz ?? null;
      this.#shown = { session: id, epoch, epochs: sending, facts, ended, get rateHz() { return rateHz() } };
    }
    return this.#shown;
  }

  /** From now on these epochs send. */
  send(epochs: readonly number[]): void {
    this.sending = epochs;
    this.ended = epochs.length === 0;
    this.#shown = null;
  }

  /** Adds the stream of a new epoch, which takes over from the one before. */
  begin(epoch: number): Stream {
    for (const oldest of this.streams.keys()) {
      if (this.streams.size < REMEMBERED_STREAMS) break;
      this.streams.delete(oldest);
    }
    const stream = new Stream();
    this.streams.set(epoch, stream);
    this.epoch = epoch;
    this.send([epoch]);
    return stream;
  }
}

/** A record's session and stream, and what the page should be told. */
export interface Heard {
  readonly session: Session;
  readonly stream: Stream;
  /** Whether the session appeared or changed. */
  readonly changed: boolean;
  /** Whether two epochs of it send at once, for the first time. */
  readonly overlaps: boolean;
}

/** The sessions by id, in the order in which they were first heard of. */
export class Sessions {
  readonly #byId = new Map<string, Session>();
  #all: readonly FeedSession[] = [];

  /** Takes note of a record of this stream at `nowMs`; `samples` says whether it was a block that could be read. */
  hear(id: string, epoch: number, samples: boolean, nowMs: number): Heard {
    const session = this.#byId.get(id) ?? this.#add(id, epoch);
    const known = session.streams.get(epoch);
    const stream = known ?? session.begin(epoch);
    stream.heardAtMs = nowMs;
    // An epoch that another has taken over from, and that sends nevertheless.
    const returns = known !== undefined && samples && !session.sending.includes(epoch);
    if (returns) {
      stream.ended = false;
      session.send([epoch, ...session.sending]);
    }
    const overlaps = session.sending.length > 1 && !session.overlapped;
    session.overlapped ||= overlaps;
    return { session, stream, changed: known === undefined || returns, overlaps };
  }

  /** Takes note of an epoch's end; the session if that changes it. */
  end(id: string, epoch: number): Session | null {
    const session = this.#byId.get(id);
    const stream = session?.streams.get(epoch);
    if (session === undefined || stream === undefined || stream.ended) return null;
    stream.ended = true;
    if (!session.sending.includes(epoch)) return null;
    session.send(session.sending.filter((sending) => sending !== epoch));
    return session;
  }

  /** Takes note of a block that could not be read, and what is missing since the last one that could. */
  wait(epoch: number, gap: Gap, nowMs: number): void {
    for (const { streams } of this.#byId.values()) {
      const stream = streams.get(epoch);
      if (stream === undefined) continue;
      stream.pending = gap;
      stream.heardAtMs = nowMs;
    }
  }

  /** What is missing at the end of streams that have been silent for so long that no later block will tell. */
  silent(nowMs: number): { readonly session: string; readonly stream: Stream; readonly gap: Gap }[] {
    const found = [];
    for (const { id, streams } of this.#byId.values()) {
      for (const stream of streams.values()) {
        const { pending, heardAtMs } = stream;
        if (pending !== null && nowMs - heardAtMs > SILENT_AFTER_MS) found.push({ session: id, stream, gap: pending });
      }
    }
    return found;
  }

  get(id: string): Session | undefined {
    return this.#byId.get(id);
  }

  /** All sessions for the page: the same array until something changes. */
  all(): readonly FeedSession[] {
    const now = Array.from(this.#byId.values(), (session) => session.shown);
    if (now.length !== this.#all.length || now.some((session, at) => session !== this.#all[at])) this.#all = now;
    return this.#all;
  }

  #add(id: string, epoch: number): Session {
    for (const oldest of this.#byId.keys()) {
      if (this.#byId.size < REMEMBERED) break;
      this.#byId.delete(oldest);
    }
    const session = new Session(id, epoch);
    this.#byId.set(id, session);
    return session;
  }
}
