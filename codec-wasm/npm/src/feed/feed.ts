// How does a page follow a user live? With a feed: a socket, the core that decides, and the events for the page.

import { NO_COLUMNS, type Columns, type Sample } from '../columns.js';
import { makeDisposable, type Dispose } from '../dispose.js';
import { CodecError } from '../errors.js';
import { History, type HistoryBlock, type HistoryOptions } from '../history.js';
import type { Port } from '../port.js';
import type { Schema } from '../schema.js';
import { SUBPROTOCOL, TOKEN_SUBPROTOCOL_PREFIX } from '../shared.js';
import { WAITS, type Waits } from './backoff.js';
import { Blocks, copyOf, QUEUED_BLOCKS } from './blocks.js';
import { pageTimeUs, type ClockOffset } from './clock.js';
import { FeedCore, type Action, type Input } from './core.js';
import { Emitter } from './emitter.js';
import { Follow } from './follow.js';
import { Intake } from './intake.js';
import { refreshMessage, subscribeMessage, timeMessage } from './messages.js';
import { probe } from './probe.js';
import type {
  FeedBlock,
  FeedBridge,
  FeedEvents,
  FeedSamples,
  FeedSession,
  FeedState,
  FeedStats,
  StateChange,
} from './types.js';

/** The characters that a subprotocol may have, and so a token. */
const TOKEN = /^[\w!#$%&'*+.^`|~-]+$/;

/** A constructor like the browser's `WebSocket`; the `ws` package's is one. */
export type WebSocketConstructor = new (url: string, protocols: string[]) => WebSocketLike;

/** What a feed uses of a socket. */
export interface WebSocketLike {
  binaryType: string;
  readonly readyState: number;
  onopen: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  send(data: Uint8Array<ArrayBuffer>): void;
  close(code?: number, reason?: string): void;
}

/** Settings of {@link connect}; all can be left out. */
export interface ConnectOptions {
  /** The access token, or a function that gives a fresh one: called before each attempt and before a token ends. */
  readonly token?: string | (() => string | Promise<string>);
  /** Whose telemetry to follow, if the bridge runs without tokens. With a token it must be the token's user. */
  readonly userId?: string;
  /** Only this session. */
  readonly session?: string;
  /** Start with the last seconds from the log, if the bridge can ({@link FeedBridge.lastSeconds}). */
  readonly lastSeconds?: number;
  /** Key blocks only, about one every two seconds: saves data. */
  readonly keysOnly?: boolean;
  /** Samples older than this make the feed stale, in ms; 500 if not given. */
  readonly staleAfterMs?: number;
  /** The longest wait before the first retry of a lost connection, in ms; it doubles with each. 250 if not given. */
  readonly firstRetryMs?: number;
  /** The longest wait before any retry, in ms; 10,000 if not given. */
  readonly longestRetryMs?: number;
  /** Closes the feed when aborted. */
  readonly signal?: AbortSignal;
  /** The WebSocket class, where there is no global one (Node before 22: the `ws` package's). */
  readonly WebSocket?: WebSocketConstructor;
}

/** Settings of a listener. */
export interface ListenOptions {
  /** Ends the listening when aborted. */
  readonly signal?: AbortSignal;
}

/** The module's loader, which differs between browser and Node. */
export type Init = () => Promise<void>;

/**
 * A user's live telemetry. It connects and reconnects by itself, until the bridge refuses it for good.
 * Made by {@link connect}.
 */
export class Feed<Own extends object = {}> {
  readonly #url: URL;
  readonly #options: ConnectOptions;
  readonly #init: Init;
  readonly #Socket: WebSocketConstructor;
  readonly #emitter = new Emitter<FeedEvents<Own>>();
  readonly #core: FeedCore;
  /** Aborted when the feed is closed. */
  readonly #closed = new AbortController();
  #intake: Intake<Own> | null = null;
  #socket: WebSocketLike | null = null;
  #token: string | null = null;
  #source: ConnectOptions['token'];
  /** Counts attempts, so that events of an old one are ignored. */
  #attempt = 0;
  #nOpened = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  #stats: FeedStats = NO_STATS;
  /** Calls {@link close}, so that `using feed = connect(url)` does. */
  declare readonly [Symbol.dispose]: Dispose;
  readonly #online = () => this.#handle({ type: 'online' });

  /** @internal Use {@link connect}. */
  constructor(url: URL, options: ConnectOptions, init: Init) {
    const Socket = options.WebSocket ?? (globalThis.WebSocket as unknown as WebSocketConstructor | undefined);
    if (Socket === undefined) {
      throw new CodecError('no_websocket', 'no global WebSocket here: pass one, such as that of the ws package');
    }
    this.#url = url;
    this.#options = options;
    this.#init = init;
    this.#Socket = Socket;
    this.#source = options.token;
    if (typeof options.token === 'string') checkToken(options.token);
    const tokenCanChange = typeof options.token === 'function';
    const staleAfterMs = checkMs('staleAfterMs', options.staleAfterMs);
    this.#core = new FeedCore({ tokenCanChange, random: Math.random, staleAfterMs, waits: waitsOf(options) });
    // What a page does right after connect(), such as adding listeners, comes first.
    queueMicrotask(() => this.#handle({ type: 'start' }));
    globalThis.addEventListener?.('online', this.#online);
    const { signal } = options;
    if (signal?.aborted) this.close();
    else signal?.addEventListener('abort', () => this.close(), { signal: this.#closed.signal });
  }

  /**
   * Calls `listener` for each event of this name, until the returned function is called or `signal` is aborted.
   *
   * @example
   * feed.on('samples', ({ length, columns }) => speed.textContent = columns.speedMps[length - 1].toFixed(1));
   * feed.on('state', ({ state, reason }) => status.textContent = reason ?? state);
   */
  on<Name extends keyof FeedEvents>(
    name: Name,
    listener: (value: FeedEvents<Own>[Name]) => void,
    { signal }: ListenOptions = {},
  ): () => void {
    return this.#emitter.on(name, listener, signal);
  }

  /** Removes a listener. */
  off<Name extends keyof FeedEvents>(name: Name, listener: (value: FeedEvents<Own>[Name]) => void): void {
    this.#emitter.off(name, listener);
  }

  /**
   * The next event of this name for which `where` holds; samples are copies. The promise is rejected with `closed` if the feed
   * is closed first, and with the signal's reason if that is aborted.
   *
   * @example
   * const { facts } = await feed.once('facts');
   * await feed.once('state', { where: ({ state }) => state === 'live', signal: AbortSignal.timeout(10_000) });
   */
  once<Name extends keyof FeedEvents>(
    name: Name,
    { signal, where = () => true }: ListenOptions & { readonly where?: (value: FeedEvents<Own>[Name]) => boolean } = {},
  ): Promise<FeedEvents<Own>[Name]> {
    return new Promise((resolve, reject) => {
      const heard = new AbortController();
      const fail = (error: unknown): void => {
        heard.abort();
        reject(error);
      };
      const closed = (): void => fail(new CodecError('closed', `the feed was closed before the next ${name} event`));
      const aborted = (): void => fail(signal?.reason);
      if (signal?.aborted) return aborted();
      if (this.#closed.signal.aborted) return closed();
      this.#closed.signal.addEventListener('abort', closed, { signal: heard.signal });
      signal?.addEventListener('abort', aborted, { signal: heard.signal });
      const listener = (value: FeedEvents<Own>[Name]): void => {
        if (!where(value)) return;
        heard.abort();
        resolve(name === 'samples' ? (copyOf(value as FeedSamples<Own>) as FeedEvents<Own>[Name]) : value);
      };
      this.#emitter.on(name, listener, heard.signal);
    });
  }

  /**
   * The blocks from now on, each a copy. While the loop is busy, up to `limit` of them wait; after that the oldest are dropped,
   * and the next block's `dropped` counts them. The loop ends when the feed is closed. It throws `refused` when the bridge
   * refuses for good, and the signal's reason when that is aborted.
   *
   * @example
   * for await (const { length, columns, dropped } of feed.samples()) await store(columns.speedMps, dropped);
   */
  samples({ limit = QUEUED_BLOCKS, signal }: ListenOptions & { readonly limit?: number } = {}): AsyncIterableIterator<FeedBlock<Own>> {
    if (!(limit >= 1)) throw new CodecError('bad_option', `limit is ${limit}: expected a number of blocks, at least 1`);
    return new Blocks(this.#emitter, this.#closed.signal, limit, signal);
  }

  /** As {@link samples} without settings: `for await (const block of feed)`. */
  [Symbol.asyncIterator](): AsyncIterableIterator<FeedBlock<Own>> {
    return this.samples();
  }

  /**
   * The newest sample as an object that you can keep, without the absent channels; null before the first and after
   * {@link close}. It is the same object until the next block, as React's `useSyncExternalStore` needs it:
   *
   * @example
   * const subscribe = (changed) => feed.on('samples', changed);
   * const latest = useSyncExternalStore(subscribe, () => feed.latest());
   */
  latest(): Sample<Own> | null {
    return this.#intake?.streams.latest() ?? null;
  }

  /** The columns of the newest block; empty before the first. Valid until the next. */
  get columns(): Columns<Own> {
    return this.#intake?.streams.columns ?? (NO_COLUMNS as unknown as Columns<Own>);
  }

  /** The channels of the newest block's stream: the same object until they change; null before the first. */
  get schema(): Schema | null {
    return this.#intake?.streams.schema ?? null;
  }

  /**
   * Collects the samples of these channels from now on; see {@link History}. It follows the given session, or else the first that
   * comes; when that is over it starts again, empty, with the next one. If two encoder starts send at once, it takes the newer.
   * It goes on until it is freed or the feed is closed, and can still be read after a close.
   *
   * @throws {CodecError} `bad_option`, as {@link History} does.
   * @example
   * const history = feed.history({ channels: ['speedMps', 'throttle'], rows: 3_600 });
   */
  history(options: HistoryOptions<Own> & { readonly session?: string }): History<Own> {
    const history = new History<Own>(options);
    const follow = new Follow(options.session);
    const over = (session: string): boolean => this.#intake?.sessions.get(session)?.ended ?? true;
    const off = this.#emitter.on('samples', (samples) => {
      if (history.freed) return off();
      const does = follow.take(samples.session, samples.epoch, performance.now(), over);
      if (does === 'restart') history.clear();
      if (does !== 'skip') history.append(samples as HistoryBlock);
    });
    return history;
  }

  get state(): FeedState {
    return this.#core.state;
  }

  /** Time since the last samples, in ms; null before the first. */
  get ageMs(): number | null {
    return this.#core.ageMs(performance.now());
  }

  /** Counts since {@link connect}: the same object until something changes. */
  get stats(): FeedStats {
    const now = { ...NO_STATS, ...this.#intake?.stats, reconnects: Math.max(0, this.#nOpened - 1) };
    const names = Object.keys(now) as (keyof FeedStats)[];
    if (names.some((name) => now[name] !== this.#stats[name])) this.#stats = now;
    return this.#stats;
  }

  /** The sessions heard of so far, the oldest first: the same array until one of them changes. */
  get sessions(): readonly FeedSession[] {
    return this.#intake?.sessions.all() ?? NO_SESSIONS;
  }

  /** What the bridge said about itself and what it can do; null before the first connection. */
  get bridge(): FeedBridge | null {
    return this.#intake?.bridge ?? null;
  }

  /**
   * What to add to the driver's clock (`capturedAtUs`) to get this page's, in µs, with its uncertainty; null while it is
   * unknown. The collector measures its clock against the broker's, and this page against the bridge's; those two are taken to
   * agree.
   */
  get clock(): ClockOffset | null {
    return this.#intake?.clock ?? null;
  }

  /** Uses another token from now on. It is sent to the bridge at once, and a refused feed tries again. */
  setToken(token: string): void {
    checkToken(token);
    this.#source = typeof this.#source === 'function' ? this.#source : token;
    this.#token = token;
    this.#handle({ type: 'newToken' });
  }

  /**
   * Ends the connection and keeps the place. {@link Feed.resume} goes on there as far back as the log reaches, if the
   * bridge can ({@link FeedBridge.cursor}); otherwise with the live samples of then.
   */
  pause(): void {
    this.#handle({ type: 'pause' });
  }

  resume(): void {
    this.#handle({ type: 'resume' });
  }

  /** Ends the feed, for good. */
  close(): void {
    this.#handle({ type: 'close' });
    globalThis.removeEventListener?.('online', this.#online);
    clearTimeout(this.#timer);
    this.#intake?.free();
    this.#closed.abort();
  }

  #handle(input: Input): void {
    if (input.type === 'tick') this.#intake?.noticeSilence(performance.now());
    for (const action of this.#core.on(input, performance.now())) this.#run(action);
    this.#arm();
  }

  #run(action: Action): void {
    switch (action.do) {
      case 'fetchToken':
        return void this.#fetchToken(++this.#attempt);
      case 'open':
        return this.#open(this.#attempt);
      case 'probe':
        return void this.#probe(this.#attempt);
      case 'greet':
        return this.#greet();
      case 'askTime':
        return this.#send(() => timeMessage(pageTimeUs()));
      case 'refresh':
        return void this.#refresh();
      case 'drop':
        this.#attempt++;
        return this.#drop(action.code);
      case 'state':
        return this.#emitter.emit('state', action.change satisfies StateChange);
    }
  }

  /** Loads the module, the first time, and gets a token. */
  async #fetchToken(attempt: number): Promise<void> {
    try {
      await this.#init();
      if (attempt !== this.#attempt) return;
      this.#intake ??= new Intake<Own>(this.#emitter, this.#options, (input) => this.#handle(input));
      const token = typeof this.#source === 'function' ? await this.#source() : (this.#source ?? null);
      if (attempt !== this.#attempt) return;
      if (token !== null) checkToken(token);
      this.#token = token;
      this.#handle({ type: 'token', token });
    } catch (cause) {
      if (attempt !== this.#attempt) return;
      const error =
        cause instanceof CodecError
          ? cause
          : new CodecError('token_failed', `cannot get a token: ${String(cause)}`, { cause });
      this.#emitter.emit('error', error);
      this.#handle({ type: 'tokenFailed', message: error.message });
    }
  }

  #open(attempt: number): void {
    const url = new URL(this.#url);
    if (this.#options.userId !== undefined) url.searchParams.set('userId', this.#options.userId);
    const protocols = this.#token === null ? [SUBPROTOCOL] : [SUBPROTOCOL, `${TOKEN_SUBPROTOCOL_PREFIX}${this.#token}`];
    let socket: WebSocketLike;
    try {
      socket = new this.#Socket(url.href, protocols);
    } catch (cause) {
      // For instance a page from https: that may not talk to ws:.
      const error = new CodecError('bad_url', `cannot open ${url.href}: ${String(cause)}`, { cause });
      this.#emitter.emit('error', error);
      return this.#handle({ type: 'closed', code: 1006, reason: error.message });
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    const isMine = () => attempt === this.#attempt && socket === this.#socket;
    socket.onopen = () => {
      if (!isMine()) return;
      this.#nOpened++;
      this.#handle({ type: 'opened' });
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (isMine()) this.#handle({ type: 'closed', code, reason });
    };
    // A close event follows, which says all there is to say.
    socket.onerror = () => {};
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (!isMine()) return;
      this.#handle({ type: 'message' });
      if (data instanceof ArrayBuffer) this.#intake?.take(new Uint8Array(data));
    };
  }

  async #probe(attempt: number): Promise<void> {
    const refusal = await probe(this.#url, this.#token);
    if (attempt === this.#attempt) this.#handle({ type: 'probed', refusal });
  }

  #greet(): void {
    const { session, lastSeconds, keysOnly = false } = this.#options;
    if (this.#intake === null) return;
    const { topicId, next } = this.#intake.cursor;
    this.#intake.startConnection(topicId.length > 0);
    // A viewer that asks for nothing is served everything live.
    if (session === undefined && lastSeconds === undefined && !keysOnly && topicId.length === 0) return;
    const wanted = { session, lastSeconds, keysOnly, topicId, next: topicId.length === 0 ? new Float64Array() : next };
    this.#send((port) => subscribeMessage(port, wanted));
  }

  async #refresh(): Promise<void> {
    const attempt = this.#attempt;
    try {
      if (typeof this.#source === 'function') this.#token = await this.#source();
      if (attempt !== this.#attempt || this.#token === null) return;
      checkToken(this.#token);
      const token = this.#token;
      this.#send((port) => refreshMessage(port, token));
    } catch (cause) {
      this.#emitter.emit('error', new CodecError('token_failed', `cannot get a new token: ${String(cause)}`, { cause }));
    }
  }

  #send(message: (port: Port) => Uint8Array): void {
    const OPEN = 1;
    if (this.#intake === null || this.#socket?.readyState !== OPEN) return;
    this.#socket.send(message(this.#intake.port) as Uint8Array<ArrayBuffer>);
  }

  #drop(code: number): void {
    const socket = this.#socket;
    this.#socket = null;
    try {
      socket?.close(code);
    } catch {
      // It is closed already.
    }
  }

  /** Sets the timer for the core's next tick, unless the one that is set fires early enough. */
  #arm(): void {
    const wakeAt = this.#core.wakeAt;
    if (wakeAt === null || wakeAt >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = wakeAt;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#handle({ type: 'tick' });
    }, Math.max(0, wakeAt - performance.now()));
  }
}

makeDisposable(Feed, Feed.prototype.close);

const NO_SESSIONS: readonly FeedSession[] = [];

const NO_STATS: FeedStats = {
  samples: 0,
  blocks: 0,
  bytes: 0,
  gaps: 0,
  missing: 0,
  repeats: 0,
  errors: 0,
  reconnects: 0,
  rateHz: null,
};

/** The address of a bridge from a `ws:`, `wss:`, `http:` or `https:` address, or in a page from a path. */
export function bridgeUrl(url: string | URL): URL {
  const base = (globalThis as { location?: { href: string } }).location?.href;
  const address = URL.canParse(String(url), base) ? new URL(url, base) : null;
  if (address?.protocol === 'http:') address.protocol = 'ws:';
  if (address?.protocol === 'https:') address.protocol = 'wss:';
  if (address?.protocol !== 'ws:' && address?.protocol !== 'wss:') {
    throw new CodecError('bad_url', `not the address of a bridge: ${String(url)} (expected wss://host/v1/stream)`);
  }
  address.hash = '';
  return address;
}

/** A setting in ms, as it was given. */
function checkMs(name: string, value: number | undefined): number | undefined {
  if (value === undefined || (value > 0 && value < Infinity)) return value;
  throw new CodecError('bad_option', `${name} is ${value}: expected a number of milliseconds above 0`);
}

function waitsOf({ firstRetryMs, longestRetryMs }: ConnectOptions): Waits {
  const firstMs = checkMs('firstRetryMs', firstRetryMs) ?? WAITS.firstMs;
  const longestMs = checkMs('longestRetryMs', longestRetryMs) ?? Math.max(WAITS.longestMs, firstMs);
  if (longestMs >= firstMs) return { firstMs, longestMs };
  throw new CodecError('bad_option', `longestRetryMs is ${longestMs}, less than the first wait of ${firstMs} ms`);
}

function checkToken(token: string): void {
  if (!TOKEN.test(token)) throw new CodecError('bad_token', 'the token has characters that access tokens cannot have');
}
