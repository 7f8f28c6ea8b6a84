// What comes of the bridge's messages? Events for the page, inputs for the core, and the counts.
import { FOUND, HEAD, type Decoder } from '../decoder.js';
import { decodeError, type CodecError } from '../errors.js';
import type { Gap, Received, ReceivedSamples } from '../received.js';
import type { Note } from '../note.js';
import { BridgeClock, chain, pageTimeUs, type ClockOffset } from './clock.js';
import type { Input } from './core.js';
import { Cursor } from './cursor.js';
import type { Emitter } from './emitter.js';
import { Sessions, type Session } from './sessions.js';
import type { FeedEvents, FeedGap, FeedSamples, FeedStats } from './types.js';

const GAP_REASONS: Record<number, FeedGap['reason']> = {
  1: 'slow',
  2: 'retention',
  3: 'topicReplaced',
  4: 'unreadable',
  5: 'missing',
};

/** Key blocks come at least this often, in ms. */
const KEY_EVERY_MS = 2_000;

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Takes the messages of one feed, over all of its connections. */
export class Intake {
  readonly cursor = new Cursor();
  readonly sessions = new Sessions();
  readonly stats: Mutable<Omit<FeedStats, 'reconnects'>> = {
    samples: 0,
    blocks: 0,
    bytes: 0,
    gaps: 0,
    missing: 0,
    repeats: 0,
    errors: 0,
    rateHz: null,
  };
  readonly decoder: Decoder;
  readonly #emitter: Emitter<FeedEvents>;
  readonly #input: (input: Input) => void;
  readonly #bridgeClock = new BridgeClock();
  /** The bridge's clock minus the page's, as far as its greeting told. */
  #bridgeAheadMs = 0;
  #clock: ClockOffset | null = null;
  #samples: Mutable<FeedSamples> | null = null;

  readonly #keysOnly: boolean;

  constructor(decoder: Decoder, emitter: Emitter<FeedEvents>, keysOnly: boolean, input: (input: Input) => void) {
    this.decoder = decoder;
    this.#emitter = emitter;
    this.#keysOnly = keysOnly;
    this.#input = input;
  }

  /** From the driver's clock to the page's. */
  get clock(): ClockOffset | null {
    return this.#clock;
  }

  /** A new connection stands, perhaps to another bridge. */
  connected(): void {
    this.#bridgeClock.reset();
  }

  free(): void {
    this.decoder.free();
  }

  /** Takes one message. */
  take(bytes: Uint8Array): void {
    const receivedAtUs = pageTimeUs();
    this.stats.bytes += bytes.length;
    const found = this.decoder.pushMessage(bytes);
    if (found >= FOUND.data && found < FOUND.hello) this.#record(found - FOUND.data, receivedAtUs);
    else this.#message(found, this.decoder.note(), receivedAtUs);
  }

  #record(found: number, receivedAtUs: number): void {
    const decoder = this.decoder;
    this.cursor.passed(decoder.head(HEAD.partition), decoder.head(HEAD.offset));
    let got: Received;
    try {
      got = decoder.received(found);
    } catch (error) {
      return this.#error(error as CodecError);
    }
    switch (got.kind) {
      case 'samples':
        return this.#block(got, receivedAtUs);
      case 'schema':
        this.#hear(got.session, got.epoch);
        return this.#emitter.emit('schema', { ...got, channels: got.schema.channels });
      case 'facts': {
        const session = this.#hear(got.session, got.epoch);
        session.facts = got.facts;
        this.#emitter.emit('facts', got);
        return this.#updateClock(session);
      }
      case 'event':
        return this.#emitter.emit('event', got);
      case 'end': {
        const session = this.sessions.get(got.session);
        if (got.gap !== null) this.#gap(got.gap, got.session);
        if (session === undefined || session.epoch !== got.epoch || session.ended) return;
        session.ended = true;
        this.#input({ type: 'sessionEnded', session: got.session });
        return this.#emitter.emit('session', session);
      }
      case 'repeat':
        this.stats.repeats++;
    }
  }

  #block(got: ReceivedSamples, receivedAtUs: number): void {
    const { session: id, epoch, length, gap } = got;
    const decoder = this.decoder;
    const session = this.#hear(id, epoch);
    const snapshot = decoder.head(HEAD.snapshot) === 1;
    const brokerTimeMs = decoder.head(HEAD.brokerTimeMs);
    const ageMs = snapshot ? receivedAtUs / 1000 + this.#bridgeAheadMs - brokerTimeMs : 0;
    this.stats.blocks++;
    this.stats.samples += length;
    if (gap !== null) {
      session.rate.interrupt();
      this.#gap(gap, id);
    }
    const { columns, capturedAtUs, schema } = decoder;
    const [firstUs, lastUs] = [capturedAtUs[0] ?? NaN, capturedAtUs[length - 1] ?? NaN];
    session.rate.add(length, lastUs);
    this.stats.rateHz = session.rateHz;
    const paceMs = Math.max(session.pace.add(length, firstUs, lastUs), this.#keysOnly ? KEY_EVERY_MS : 0);
    this.#input({ type: 'samples', session: id, ageMs, paceMs });
    if (schema === null) return;
    const partition = decoder.head(HEAD.partition);
    const offset = decoder.head(HEAD.offset);
    const position = { brokerTimeMs, partition, offset, snapshot, receivedAtUs };
    const samples = { session: id, epoch, length, columns, capturedAtUs, schema, gap, ...position };
    this.#samples = this.#samples === null ? samples : Object.assign(this.#samples, samples);
    this.#emitter.emit('samples', this.#samples);
  }

  #message(found: number, note: Note, answeredUs: number): void {
    switch (found) {
      case FOUND.hello: {
        note.number();
        note.text();
        this.#bridgeAheadMs = (note.number() - answeredUs) / 1000;
        note.number();
        note.number();
        return this.cursor.setTopic(Uint8Array.from({ length: 16 }, () => note.number()));
      }
      case FOUND.gap: {
        const partition = note.number();
        note.number();
        note.number();
        const reason = GAP_REASONS[note.number()] ?? 'unknown';
        const n = note.number() || null;
        this.stats.gaps++;
        this.stats.missing += n ?? 0;
        return this.#emitter.emit('gap', { from: 'bridge', reason, n, session: null, partition });
      }
      case FOUND.state:
        return this.#input({ type: 'bridgeState', state: note.number(), ageMs: note.optionalNumber() ?? null });
      case FOUND.time: {
        const askedUs = note.number();
        this.#bridgeClock.add({ askedUs, receivedUs: note.number(), sentUs: note.number(), answeredUs });
        for (const session of this.sessions.all()) if (session.facts?.clock) this.#updateClock(session);
        return;
      }
      case FOUND.tokenExpiring: {
        const inS = note.number();
        return this.#input({ type: 'tokenExpiring', inS });
      }
      case FOUND.bye:
        return this.#input({ type: 'bye', code: note.number(), reason: note.text() });
      case FOUND.error:
        return this.#error(decodeError(note.text()));
    }
  }

  #hear(id: string, epoch: number): Session {
    const { session, changed } = this.sessions.hear(id, epoch);
    if (changed) this.#emitter.emit('session', session);
    return session;
  }

  #gap({ firstSeq, lastSeq }: Gap, session: string): void {
    // What lies between two key blocks was not asked for.
    if (this.#keysOnly) return;
    const n = lastSeq - firstSeq + 1;
    this.stats.gaps++;
    this.stats.missing += n;
    this.#emitter.emit('gap', { from: 'stream', reason: 'missing', n, session, partition: null });
  }

  #error(error: CodecError): void {
    this.stats.errors++;
    this.#emitter.emit('error', error);
  }

  #updateClock({ facts }: { facts: FeedEvents['facts']['facts'] | null }): void {
    const clock = chain(facts?.clock ?? null, this.#bridgeClock.toPage);
    const old = this.#clock;
    if (clock?.offsetUs === old?.offsetUs && clock?.uncertaintyUs === old?.uncertaintyUs) return;
    this.#clock = clock;
    this.#emitter.emit('clock', clock);
  }
}
