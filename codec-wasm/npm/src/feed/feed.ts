// How does a page follow a user live? A feed: a socket, the core that decides, and the events that come of it.
import { Decoder } from '../decoder.js';
import { CodecError } from '../errors.js';
import { pageTimeUs, type ClockOffset } from './clock.js';
import { FeedCore, type Action, type Input } from './core.js';
import { Emitter } from './emitter.js';
import { Intake } from './intake.js';
import { probe } from './probe.js';
import type { FeedBridge, FeedEvents, FeedSession, FeedState, FeedStats, StateChange } from './types.js';

const SUBPROTOCOL = 'purple-sector.v1';
/** What a subprotocol may consist of, and so a token. */
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
  /** The access token, or a function that gives a fresh one: it is asked before each attempt and before one ends. */
  readonly token?: string | (() => string | Promise<string>);
  /** Whose telemetry, where the bridge runs without tokens. With a token it must be that user. */
  readonly userId?: string;
  /** Only this session. */
  readonly session?: string;
  /** First what the log has of the last seconds, if the bridge can ({@link FeedBridge.lastSeconds}). */
  readonly lastSeconds?: number;
  /** Key blocks only, about one in two seconds: saves data. */
  readonly keysOnly?: boolean;
  /** The WebSocket class, where there is no global one (Node before 22: the `ws` package's). */
  readonly WebSocket?: WebSocketConstructor;
}

/** The module's loader, which differs between browser and Node. */
export type Init = () => Promise<void>;

/**
 * A user's live telemetry. It connects by itself, again and again, until the bridge refuses it for good.
 * Made by {@link connect}.
 */
export class Feed {
  readonly #url: URL;
  readonly #options: ConnectOptions;
  readonly #init: Init;
  readonly #Socket: WebSocketConstructor;
  readonly #emitter = new Emitter<FeedEvents>();
  readonly #core: FeedCore;
  #intake: Intake | null = null;
  #socket: WebSocketLike | null = null;
  #token: string | null = null;
  #source: ConnectOptions['token'];
  /** Counts attempts, so that what belongs to an old one is ignored. */
  #attempt = 0;
  #nOpened = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerAt = Infinity;
  readonly #online = () => this.#on({ type: 'online' });

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
    this.#core = new FeedCore({ tokenCanChange: typeof options.token === 'function', random: Math.random });
    // What a page does right after connect(), such as adding listeners, comes first.
    queueMicrotask(() => this.#on({ type: 'start' }));
    globalThis.addEventListener?.('online', this.#online);
  }

  /**
   * Calls `listener` for each event of this name; the function that comes back ends that.
   *
   * @example
   * feed.on('samples', ({ length, columns }) => speed.textContent = columns.speedMps[length - 1].toFixed(1));
   * feed.on('state', ({ state, reason }) => status.textContent = reason ?? state);
   */
  on<Name extends keyof FeedEvents>(name: Name, listener: (value: FeedEvents[Name]) => void): () => void {
    return this.#emitter.on(name, listener);
  }

  /** Takes a listener away. */
  off<Name extends keyof FeedEvents>(name: Name, listener: (value: FeedEvents[Name]) => void): void {
    this.#emitter.off(name, listener);
  }

  get state(): FeedState {
    return this.#core.state;
  }

  /** Time since the last samples, in ms; null before the first. */
  get ageMs(): number | null {
    return this.#core.ageMs(performance.now());
  }

  /** What has happened since {@link connect}. */
  get stats(): FeedStats {
    return { ...NO_STATS, ...this.#intake?.stats, reconnects: Math.max(0, this.#nOpened - 1) };
  }

  /** The sessions heard of so far, the oldest first. */
  get sessions(): readonly FeedSession[] {
    return this.#intake?.sessions.all() ?? [];
  }

  /** What the bridge said of itself, and so what it can; null before the first connection. */
  get bridge(): FeedBridge | null {
    return this.#intake?.bridge ?? null;
  }

  /**
   * What to add to the driver's clock (`capturedAtUs`) to get this page's, in µs, with its uncertainty; null while
   * unknown. It is the collector's measure against the broker's clock and this page's against the bridge's, which
   * are taken to agree.
   */
  get clock(): ClockOffset | null {
    return this.#intake?.clock ?? null;
  }

  /** Uses another token from now on: sent to the bridge at once; a refused feed tries again. */
  setToken(token: string): void {
    checkToken(token);
    this.#source = typeof this.#source === 'function' ? this.#source : token;
    this.#token = token;
    this.#on({ type: 'newToken' });
  }

  /**
   * Ends the connection and keeps the place. {@link Feed.resume} goes on there as far back as the log reaches, if the
   * bridge can ({@link FeedBridge.cursor}); otherwise with what is live then.
   */
  pause(): void {
    this.#on({ type: 'pause' });
  }

  resume(): void {
    this.#on({ type: 'resume' });
  }

  /** Ends the feed. */
  close(): void {
    this.#on({ type: 'close' });
    globalThis.removeEventListener?.('online', this.#online);
    clearTimeout(this.#timer);
    this.#intake?.free();
  }

  #on(input: Input): void {
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
        return this.#send((decoder) => decoder.timeMessage(pageTimeUs()));
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
      this.#intake ??= new Intake(new Decoder(), this.#emitter, this.#options, (input) => this.#on(input));
      const token = typeof this.#source === 'function' ? await this.#source() : (this.#source ?? null);
      if (attempt !== this.#attempt) return;
      if (token !== null) checkToken(token);
      this.#token = token;
      this.#on({ type: 'token', token });
    } catch (cause) {
      if (attempt !== this.#attempt) return;
      const error =
        cause instanceof CodecError
          ? cause
          : new CodecError('token_failed', `cannot get a token: ${String(cause)}`, { cause });
      this.#emitter.emit('error', error);
      this.#on({ type: 'tokenFailed', message: error.message });
    }
  }

  #open(attempt: number): void {
    const url = new URL(this.#url);
    if (this.#options.userId !== undefined) url.searchParams.set('userId', this.#options.userId);
    const protocols = this.#token === null ? [SUBPROTOCOL] : [SUBPROTOCOL, `bearer.${this.#token}`];
    let socket: WebSocketLike;
    try {
      socket = new this.#Socket(url.href, protocols);
    } catch (cause) {
      // For instance a page from https: that may not talk to ws:.
      const error = new CodecError('bad_url', `cannot open ${url.href}: ${String(cause)}`, { cause });
      this.#emitter.emit('error', error);
      return this.#on({ type: 'closed', code: 1006, reason: error.message });
    }
    this.#socket = socket;
    socket.binaryType = 'arraybuffer';
    const mine = () => attempt === this.#attempt && socket === this.#socket;
    socket.onopen = () => {
      if (!mine()) return;
      this.#nOpened++;
      this.#on({ type: 'opened' });
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (mine()) this.#on({ type: 'closed', code, reason });
    };
    // A close event follows, which says as much as there is to say.
    socket.onerror = () => {};
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (!mine()) return;
      this.#on({ type: 'message' });
      if (data instanceof ArrayBuffer) this.#intake?.take(new Uint8Array(data));
    };
  }

  async #probe(attempt: number): Promise<void> {
    const refusal = await probe(this.#url, this.#token);
    if (attempt === this.#attempt) this.#on({ type: 'probed', refusal });
  }

  #greet(): void {
    const { session, lastSeconds, keysOnly = false } = this.#options;
    if (this.#intake === null) return;
    const { topicId, next } = this.#intake.cursor;
    this.#intake.connected(topicId.length > 0);
    // Who asks for nothing is served everything live.
    if (session === undefined && lastSeconds === undefined && !keysOnly && topicId.length === 0) return;
    const offsets = topicId.length === 0 ? new Float64Array() : next;
    this.#send((decoder) => decoder.subscribeMessage(session, lastSeconds, keysOnly, topicId, offsets));
  }

  async #refresh(): Promise<void> {
    const attempt = this.#attempt;
    try {
      if (typeof this.#source === 'function') this.#token = await this.#source();
      if (attempt !== this.#attempt || this.#token === null) return;
      checkToken(this.#token);
      const token = this.#token;
      this.#send((decoder) => decoder.refreshMessage(token));
    } catch (cause) {
      this.#emitter.emit('error', new CodecError('token_failed', `cannot get a new token: ${String(cause)}`, { cause }));
    }
  }

  #send(message: (decoder: Decoder) => Uint8Array): void {
    const OPEN = 1;
    if (this.#intake === null || this.#socket?.readyState !== OPEN) return;
    this.#socket.send(message(this.#intake.decoder) as Uint8Array<ArrayBuffer>);
  }

  #drop(code: number): void {
    const socket = this.#socket;
    this.#socket = null;
    try {
      socket?.close(code);
    } catch {
      // A socket that is closed already is what was wanted.
    }
  }

  /** Sees to it that the core gets its tick. The timer is left alone while it fires early enough. */
  #arm(): void {
    const wakeAt = this.#core.wakeAt;
    if (wakeAt === null || wakeAt >= this.#timerAt) return;
    clearTimeout(this.#timer);
    this.#timerAt = wakeAt;
    this.#timer = setTimeout(() => {
      this.#timerAt = Infinity;
      this.#on({ type: 'tick' });
    }, Math.max(0, wakeAt - performance.now()));
  }
}

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

/** The address of a bridge: `ws:`, `wss:`, or where the page can say so, a path or `http(s):`. */
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

function checkToken(token: string): void {
  if (!TOKEN.test(token)) throw new CodecError('bad_token', 'the token has characters that no access token has');
}
