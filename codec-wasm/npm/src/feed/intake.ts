// What does a feed make of the bridge's messages? Events for the page, inputs for the core, and counts.

import { CodecError, decodeError } from '../errors.js';
import type { Note } from '../note.js';
import { Port } from '../port.js';
import type { Gap, Received, ReceivedSamples } from '../received.js';
import * as shared from '../shared.js';
import { Streams } from '../streams.js';
import { BridgeClock, chain, pageTimeUs, type ClockOffset } from './clock.js';
import type { Input } from './core.js';
import { Cursor } from './cursor.js';
import type { Emitter } from './emitter.js';
import type { ConnectOptions } from './feed.js';
import { takeMessage } from './messages.js';
import { Sessions, type Heard, type Session, type Stream } from './sessions.js';
import type { FeedBridge, FeedEvents, FeedGap, FeedSamples, FeedStats, FeedWarning } from './types.js';

type IntakeOptions = Pick<ConnectOptions, 'keysOnly' | 'lastSeconds'>;
type Position = Pick<FeedSamples, 'partition' | 'offset' | 'brokerTimeMs' | 'snapshot'>;
type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

/** Takes the messages of one feed, over all of its connections. */
export class Intake<Own extends object> {
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
  /** Through it the feed also makes what it sends. */
  readonly port = new Port();
  readonly streams = new Streams<Own>(this.port);
  readonly #emitter: Emitter<FeedEvents<Own>>;
  readonly #input: (input: Input) => void;
  readonly #bridgeClock = new BridgeClock();
  /** The bridge's clock minus the page's, as far as its greeting told. */
  #bridgeAheadMs = 0;
  #clock: ClockOffset | null = null;
  #samples: Mutable<FeedSamples<Own>> | null = null;

  readonly #options: IntakeOptions;
  #bridge: FeedBridge | null = null;
  /** Whether this connection asked to go on where the one before ended. */
  #wantsCursor = false;
  /** The warnings that were given. */
  readonly #warned = new Set<string>();

  constructor(
    emitter: Emitter<FeedEvents<Own>>,
    options: IntakeOptions,
    input: (input: Input) => void,
  ) {
    this.#emitter = emitter;
    this.#options = options;
    this.#input = input;
  }

  /** From the driver's clock to the page's. */
  get clock(): ClockOffset | null {
    return this.#clock;
  }

  /** What the bridge said of itself. */
  get bridge(): FeedBridge | null {
    return this.#bridge;
  }

  /** A new connection is there, perhaps to another bridge; `wantsCursor` if it asks to go on where the one before ended. */
  startConnection(wantsCursor: boolean): void {
    this.#bridgeClock.reset();
    this.#wantsCursor = wantsCursor;
  }

  free(): void {
    this.streams.free();
  }

  /** Takes one message. */
  take(bytes: Uint8Array): void {
    const receivedAtUs = pageTimeUs();
    this.stats.bytes += bytes.length;
    let found: number;
    try {
      found = takeMessage(this.port, bytes);
    } catch (error) {
      if (error instanceof CodecError) return this.#reportError(error);
      throw error;
    }
    if (found >= shared.FOUND_DATA && found < shared.FOUND_HELLO) this.#takeRecord(found - shared.FOUND_DATA, receivedAtUs);
    else this.#takeMessage(found, this.port.note(), receivedAtUs);
  }

  /** Reports what is missing at the end of streams that went silent; `nowMs` is on the page's `performance` clock. */
  noticeSilence(nowMs: number): void {
    for (const { session, stream, gap } of this.sessions.silent(nowMs)) this.#reportGap(gap, session, stream);
  }

  #takeRecord(found: number, receivedAtUs: number): void {
    const position = this.#position();
    this.cursor.advance(position.partition, position.offset);
    let got: Received;
    try {
      got = this.streams.take(found);
    } catch (error) {
      return this.#reportError(error as CodecError);
    }
    switch (got.kind) {
      case 'samples':
        return this.#takeBlock(got, position, receivedAtUs);
      case 'schema':
        this.#hear(got.session, got.epoch, false);
        return this.#emitter.emit('schema', { ...got, channels: got.schema.channels });
      case 'facts': {
        const { session } = this.#hear(got.session, got.epoch, false);
        session.facts = got.facts;
        this.#emitter.emit('facts', got);
        return this.#updateClock(session);
      }
      case 'event':
        return this.#emitter.emit('event', got);
      case 'end': {
        const { session: id, epoch, gap } = got;
        const stream = this.sessions.get(id)?.streams.get(epoch);
        if (gap !== null && stream !== undefined) this.#reportGap(gap, id, stream);
        const session = this.sessions.end(id, epoch);
        if (session === null) return;
        if (session.ended) this.#input({ type: 'sessionEnded', session: id });
        return this.#emitter.emit('session', session.shown);
      }
      case 'waiting':
        if (got.gap !== null) this.sessions.wait(got.epoch, got.gap, performance.now());
        return;
      case 'repeat':
        this.stats.repeats++;
    }
  }

  /** Where the record of the last message stands, and how it got here. */
  #position(): Position {
    const { head } = this.port;
    return {
      partition: head[shared.HEAD_PARTITION] ?? NaN,
      offset: head[shared.HEAD_OFFSET] ?? NaN,
      brokerTimeMs: head[shared.HEAD_BROKER_TIME_MS] ?? NaN,
      snapshot: head[shared.HEAD_SNAPSHOT] === 1,
    };
  }

  #takeBlock(got: ReceivedSamples, position: Position, receivedAtUs: number): void {
    const { session: id, epoch, length, gap } = got;
    const { stream } = this.#hear(id, epoch, true);
    const ageMs = position.snapshot ? receivedAtUs / 1000 + this.#bridgeAheadMs - position.brokerTimeMs : 0;
    this.stats.blocks++;
    this.stats.samples += length;
    if (gap !== null) {
      stream.rate.interrupt();
      this.#reportGap(gap, id, stream);
    }
    const { columns, capturedAtUs, schema } = this.streams;
    const [firstUs, lastUs] = [capturedAtUs[0] ?? NaN, capturedAtUs[length - 1] ?? NaN];
    stream.rate.add(length, lastUs);
    this.stats.rateHz = stream.rate.hz;
    const paceMs = Math.max(stream.pace.add(length, firstUs, lastUs), this.#options.keysOnly ? shared.KEY_INTERVAL_MS : 0);
    this.#input({ type: 'samples', session: id, ageMs, paceMs });
    if (schema === null) return;
    const samples = { session: id, epoch, length, columns, capturedAtUs, schema, gap, ...position, receivedAtUs };
    this.#samples = this.#samples === null ? samples : Object.assign(this.#samples, samples);
    this.#emitter.emit('samples', this.#samples);
  }

  #takeMessage(found: number, note: Note, answeredUs: number): void {
    switch (found) {
      case shared.FOUND_HELLO: {
        const [version, user] = [note.number(), note.text()];
        this.#bridgeAheadMs = (note.number() - answeredUs) / 1000;
        note.skip(2);
        this.cursor.setTopic(Uint8Array.from({ length: 16 }, () => note.number()));
        const capabilities = note.number();
        const [cursor, lastSeconds] = [(capabilities & shared.CAPABILITY_CURSOR) !== 0, (capabilities & shared.CAPABILITY_LAST_SECONDS) !== 0];
        this.#bridge = { user, version, cursor, lastSeconds };
        return this.#warnOfBridge(this.#bridge);
      }
      case shared.FOUND_GAP: {
        const partition = note.number();
        note.skip(2);
        const reason = (shared.GAP_REASONS as Record<number, FeedGap['reason']>)[note.number()] ?? 'unknown';
        const n = note.number() || null;
        this.stats.gaps++;
        this.stats.missing += n ?? 0;
        return this.#emitter.emit('gap', { from: 'bridge', reason, n, session: null, partition });
      }
      case shared.FOUND_STATE:
        return this.#input({ type: 'bridgeState', state: note.number(), ageMs: note.optionalNumber() ?? null });
      case shared.FOUND_TIME: {
        const askedUs = note.number();
        this.#bridgeClock.add({ askedUs, receivedUs: note.number(), sentUs: note.number(), answeredUs });
        for (const session of this.sessions.all()) if (session.facts?.clock) this.#updateClock(session);
        return;
      }
      case shared.FOUND_TOKEN_EXPIRING: {
        const inS = note.number();
        return this.#input({ type: 'tokenExpiring', inS });
      }
      case shared.FOUND_BYE:
        return this.#input({ type: 'bye', code: note.number(), reason: note.text() });
      case shared.FOUND_ERROR:
        return this.#reportError(decodeError(note.text()));
    }
  }

  #hear(id: string, epoch: number, samples: boolean): Heard {
    const heard = this.sessions.hear(id, epoch, samples, performance.now());
    if (heard.changed) this.#emitter.emit('session', heard.session.shown);
    if (heard.overlaps) {
      const message = `two encoders send as session ${id} at once: are two collectors started with the same session id?`;
      this.#warn({ code: 'two_epochs', message, session: id });
    }
    return heard;
  }

  #warnOfBridge({ cursor, lastSeconds }: FeedBridge): void {
    if (this.#options.lastSeconds !== undefined && !lastSeconds) {
      const message = 'this bridge does not serve the last seconds: samples begin with the live ones';
      this.#warn({ code: 'no_last_seconds', message, session: null });
    }
    if (this.#wantsCursor && !cursor) {
      const message = 'this bridge does not go on where a connection ended: the samples in between are missing';
      this.#warn({ code: 'no_cursor', message, session: null });
    }
  }

  /** Warns once. */
  #warn(warning: FeedWarning): void {
    const once = `${warning.code} ${warning.session}`;
    if (this.#warned.has(once)) return;
    this.#warned.add(once);
    if (this.#emitter.hears('warning')) this.#emitter.emit('warning', warning);
    else console.warn(`purple-sector-codec: ${warning.message}`);
  }

  #reportGap(gap: Gap, session: string, stream: Stream): void {
    const missing = stream.report(gap);
    // Blocks between key blocks were not asked for.
    if (missing === null || this.#options.keysOnly) return;
    const n = missing.lastSeq - missing.firstSeq + 1;
    this.stats.gaps++;
    this.stats.missing += n;
    this.#emitter.emit('gap', { from: 'stream', reason: 'missing', n, session, partition: null });
  }

  #reportError(error: CodecError): void {
    this.stats.errors++;
    this.#emitter.emit('error', error);
  }

  #updateClock({ facts }: Pick<Session, 'facts'>): void {
    const clock = chain(facts?.clock ?? null, this.#bridgeClock.toPage);
    const old = this.#clock;
    if (clock?.offsetUs === old?.offsetUs && clock?.uncertaintyUs === old?.uncertaintyUs) return;
    this.#clock = clock;
    this.#emitter.emit('clock', clock);
  }
}
