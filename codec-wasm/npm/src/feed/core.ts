// When does a feed connect, wait, give up or change its state? Inputs and the time go in, actions come out; no I/O.

import * as shared from '../shared.js';
import { waitMs, type Waits } from './backoff.js';
import type { FeedState, StateChange } from './types.js';

/** Samples older than this make a feed stale unless it is set otherwise, in ms. */
export const STALE_AFTER_MS = 500;
/** For blocks that come more rarely it is this many times their own pace. */
const PACES_UNTIL_STALE = 1.5;
/**
 * A connection is dead when the time was asked for twice, and nothing came for the first of these times and, after the second
 * question, for the second. Both, because a hidden page's timers fire once a minute, and only then does it ask.
 */
const DEAD_AFTER_MS = 12_000;
const ANSWER_WITHIN_MS = 5_000;
/** The longest that an attempt to connect may take, with fetching the token, in ms. */
const OPEN_WITHIN_MS = 15_000;
/** How often the bridge's time is asked for, in ms: quickly at first, then now and then. */
const TIME_EVERY_MS = 5_000;
const FIRST_TIMES_EVERY_MS = 200;
const N_FIRST_TIMES = 5;
/** How long before its end a token is replaced, and how often at most, in ms. */
const REFRESH_BEFORE_MS = 60_000;
const REFRESH_EVERY_MS = 10_000;
/** A connection that lasted this long was a success: the next wait is short again. */
const STEADY_AFTER_MS = 5_000;

/** Why the bridge would not serve this page. */
export interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly message: string;
}

export type Input =
  | { readonly type: 'start' }
  | { readonly type: 'token'; readonly token: string | null }
  | { readonly type: 'tokenFailed'; readonly message: string }
  | { readonly type: 'opened' }
  /** The socket is gone. `opened` is false when it never was open. */
  | { readonly type: 'closed'; readonly code: number; readonly reason: string }
  /** What a plain request to the same address said; null when it has nothing against this page. */
  | { readonly type: 'probed'; readonly refusal: Refusal | null }
  | { readonly type: 'message' }
  /** Samples, how old they were already, and how far apart the blocks of their session usually are. */
  | { readonly type: 'samples'; readonly session: string; readonly ageMs: number; readonly paceMs: number }
  | { readonly type: 'sessionEnded'; readonly session: string }
  | { readonly type: 'bridgeState'; readonly state: number; readonly ageMs: number | null }
  | { readonly type: 'bye'; readonly code: number; readonly reason: string }
  | { readonly type: 'tokenExpiring'; readonly inS: number }
  | { readonly type: 'newToken' }
  | { readonly type: 'pause' }
  | { readonly type: 'resume' }
  | { readonly type: 'close' }
  /** The network came back: no need to wait. */
  | { readonly type: 'online' }
  /** The time that `wakeAt` named has come. */
  | { readonly type: 'tick' };

export type Action =
  | { readonly do: 'fetchToken' }
  | { readonly do: 'open' }
  | { readonly do: 'probe' }
  | { readonly do: 'greet' }
  | { readonly do: 'askTime' }
  | { readonly do: 'refresh' }
  | { readonly do: 'drop'; readonly code: number }
  | { readonly do: 'state'; readonly change: StateChange };

type Phase =
  | { readonly name: 'idle' }
  | { readonly name: 'opening'; readonly until: number }
  | { readonly name: 'probing'; readonly until: number }
  | { readonly name: 'backoff'; readonly until: number }
  | { readonly name: 'open'; readonly since: number };

/** What the core needs to know of the settings. */
export interface CoreOptions {
  /** Whether asking again gives a new token. */
  readonly tokenCanChange: boolean;
  /** A number from 0 to 1 for each wait. */
  readonly random: () => number;
  /** Samples older than this make the feed stale, in ms; {@link STALE_AFTER_MS} if not given. */
  readonly staleAfterMs?: number | undefined;
  /** The waits between attempts; {@link WAITS} if not given. */
  readonly waits?: Waits | undefined;
}

/** The state machine of one feed. */
export class FeedCore {
  readonly #options: CoreOptions;
  #phase: Phase = { name: 'idle' };
  #wanted: 'new' | 'run' | 'paused' | 'refused' | 'closed' = 'new';
  #attempt = 0;
  #unauthorized = 0;
  #reason: string | null = null;
  #code: number | string | null = null;
  #nextTimeAt = 0;
  #nTimes = 0;
  /** Questions for the time since the last message, when the first of them was asked, and when that is too long ago. */
  #nUnanswered = 0;
  #unansweredSince = 0;
  #deadAt = Infinity;
  #refreshAt = Infinity;
  #refreshedAt = -Infinity;
  #lastSamplesAt: number | null = null;
  #liveUntil = -Infinity;
  #bridgeState = 0;
  readonly #sessions = new Set<string>();
  /** Whether the last of the sessions has said that it is over. */
  #over = false;
  #shown: FeedState | null = null;
  #actions: Action[] = [];

  constructor(options: CoreOptions) {
    this.#options = options;
  }

  /** Takes an input at time `now` (ms, any steady clock) and says what to do. */
  on(input: Input, now: number): Action[] {
    this.#actions = [];
    this.#take(input, now);
    if (input.type === 'tick') this.#tick(now);
    this.#show(now);
    return this.#actions;
  }

  /** The time at which the next `tick` is due; null if none is. */
  get wakeAt(): number | null {
    const phase = this.#phase;
    if (phase.name === 'idle') return null;
    if (phase.name !== 'open') return phase.until;
    const staleAt = this.#shown === 'live' ? this.#liveUntil + 1 : Infinity;
    return Math.min(this.#deadAt, this.#nextTimeAt, this.#refreshAt, staleAt);
  }

  /** Time since the last samples, in ms. */
  ageMs(now: number): number | null {
    return this.#lastSamplesAt === null ? null : Math.max(0, now - this.#lastSamplesAt);
  }

  get state(): FeedState {
    return this.#shown ?? 'connecting';
  }

  #take(input: Input, now: number): void {
    switch (input.type) {
      case 'start':
        // The page may have paused or closed the feed before it started.
        if (this.#wanted === 'new') this.#begin(now);
        return;
      case 'resume':
        if (this.#wanted === 'paused' || this.#wanted === 'refused') this.#begin(now);
        return;
      case 'token':
        if (this.#phase.name === 'opening') this.#do({ do: 'open' });
        return;
      case 'tokenFailed':
        if (this.#phase.name === 'opening') this.#retry(now, input.message, 'token_failed');
        return;
      case 'opened':
        return this.#onOpened(now);
      case 'closed':
        return this.#onClosed(input.code, input.reason, now);
      case 'probed':
        if (this.#phase.name === 'probing') this.#onProbed(input.refusal, now);
        return;
      case 'message':
        this.#nUnanswered = 0;
        this.#deadAt = Infinity;
        return;
      case 'samples': {
        this.#sessions.add(input.session);
        this.#over = false;
        const at = now - Math.max(0, input.ageMs);
        const staleAfterMs = Math.max(this.#options.staleAfterMs ?? STALE_AFTER_MS, PACES_UNTIL_STALE * input.paceMs);
        this.#lastSamplesAt = Math.max(this.#lastSamplesAt ?? at, at);
        this.#liveUntil = Math.max(this.#liveUntil, at + staleAfterMs);
        this.#unauthorized = 0;
        return;
      }
      case 'sessionEnded':
        if (this.#sessions.delete(input.session)) this.#over = this.#sessions.size === 0;
        return;
      case 'bridgeState':
        this.#bridgeState = input.state;
        if (this.#lastSamplesAt === null && input.ageMs !== null && input.state === shared.FEED_STATE_STALE) {
          this.#lastSamplesAt = now - input.ageMs;
        }
        return;
      case 'bye':
        this.#reason = input.reason;
        this.#code = input.code;
        return;
      case 'tokenExpiring':
        // The bridge also answers a refresh with this, so a short-lived token must not make it a race.
        if (this.#options.tokenCanChange) {
          const early = now + Math.max(0, input.inS * 1000 - REFRESH_BEFORE_MS);
          this.#refreshAt = Math.max(early, this.#refreshedAt + REFRESH_EVERY_MS);
        }
        return;
      case 'newToken':
        return this.#useNewToken(now);
      case 'pause':
        if (this.#wanted === 'new' || this.#wanted === 'run') this.#stop('paused');
        return;
      case 'close':
        if (this.#wanted !== 'closed') this.#stop('closed');
        return;
      case 'online':
        if (this.#phase.name === 'backoff') this.#connect(now);
        return;
      case 'tick':
        return;
    }
  }

  #tick(now: number): void {
    const phase = this.#phase;
    switch (phase.name) {
      case 'idle':
        return;
      case 'backoff':
        if (now >= phase.until) this.#connect(now);
        return;
      case 'opening':
      case 'probing':
        if (now < phase.until) return;
        this.#do({ do: 'drop', code: 1000 });
        return this.#retry(now, 'the bridge does not answer', null);
      case 'open':
        if (now >= this.#deadAt) {
          this.#do({ do: 'drop', code: 4000 });
          return this.#retry(now, 'the connection went silent', null);
        }
        if (now >= this.#refreshAt) {
          this.#refreshAt = Infinity;
          this.#refreshedAt = now;
          this.#do({ do: 'refresh' });
        }
        if (now >= this.#nextTimeAt) this.#askTime(now);
    }
  }

  #askTime(now: number): void {
    this.#do({ do: 'askTime' });
    this.#nextTimeAt = now + (++this.#nTimes < N_FIRST_TIMES ? FIRST_TIMES_EVERY_MS : TIME_EVERY_MS);
    this.#nUnanswered++;
    if (this.#nUnanswered === 1) this.#unansweredSince = now;
    if (this.#nUnanswered === 2) this.#deadAt = Math.max(this.#unansweredSince + DEAD_AFTER_MS, now + ANSWER_WITHIN_MS);
  }

  #begin(now: number): void {
    this.#wanted = 'run';
    this.#attempt = 0;
    this.#connect(now);
  }

  #connect(now: number): void {
    this.#phase = { name: 'opening', until: now + OPEN_WITHIN_MS };
    this.#do({ do: 'fetchToken' });
  }

  #onOpened(now: number): void {
    if (this.#phase.name !== 'opening') return;
    this.#phase = { name: 'open', since: now };
    this.#nextTimeAt = now;
    this.#nTimes = 0;
    this.#nUnanswered = 0;
    this.#deadAt = Infinity;
    this.#refreshAt = Infinity;
    this.#bridgeState = 0;
    this.#reason = null;
    this.#code = null;
    this.#do({ do: 'greet' });
    this.#tick(now);
  }

  #onClosed(code: number, reason: string, now: number): void {
    if (this.#phase.name === 'opening') {
      // A browser does not say why an upgrade was refused; a plain request to the same address does.
      this.#phase = { name: 'probing', until: now + OPEN_WITHIN_MS };
      this.#do({ do: 'probe' });
      return;
    }
    if (this.#phase.name !== 'open') return;
    if (now - this.#phase.since >= STEADY_AFTER_MS) this.#attempt = 0;
    const why = reason || this.#reason || 'the connection was lost';
    const unauthorized = code === shared.CLOSE_TOKEN_EXPIRED && !this.#mayTryToken();
    if ((code >= 4500 && code <= 4999) || unauthorized) this.#refuse(why, code);
    else this.#retry(now, why, code);
  }

  #onProbed(refusal: Refusal | null, now: number): void {
    if (refusal === null) return this.#retry(now, 'cannot reach the bridge', null);
    const { status, code, message } = refusal;
    // 426 comes from a bridge that would have accepted a WebSocket; the others pass with time.
    const passes = status < 400 || status >= 500 || status === 408 || status === 426 || status === 429;
    if (passes || (status === 401 && this.#mayTryToken())) this.#retry(now, message, code);
    else this.#refuse(message, code);
  }

  /** Whether another token may help: the page can give one, and fewer than three in a row were refused. */
  #mayTryToken(): boolean {
    return this.#options.tokenCanChange && ++this.#unauthorized < 3;
  }

  #useNewToken(now: number): void {
    this.#unauthorized = 0;
    if (this.#wanted === 'refused') {
      this.#begin(now);
    } else if (this.#phase.name === 'open') {
      this.#do({ do: 'refresh' });
    } else if (this.#phase.name === 'backoff') {
      this.#connect(now);
    }
  }

  #retry(now: number, reason: string, code: number | string | null): void {
    const { random, waits } = this.#options;
    this.#reason = reason;
    this.#code = code;
    this.#phase = { name: 'backoff', until: now + waitMs(this.#attempt++, random(), waits) };
  }

  #refuse(reason: string, code: number | string): void {
    this.#wanted = 'refused';
    this.#phase = { name: 'idle' };
    this.#reason = reason;
    this.#code = code;
  }

  #stop(wanted: 'paused' | 'closed'): void {
    this.#wanted = wanted;
    this.#phase = { name: 'idle' };
    this.#reason = null;
    this.#code = null;
    this.#do({ do: 'drop', code: 1000 });
  }

  #show(now: number): void {
    const state = this.#stateAt(now);
    if (state === this.#shown) return;
    this.#shown = state;
    const change = { state, ageMs: this.ageMs(now), reason: this.#reason, code: this.#code };
    this.#do({ do: 'state', change });
  }

  #stateAt(now: number): FeedState {
    if (this.#wanted === 'closed') return 'ended';
    if (this.#wanted === 'paused' || this.#wanted === 'refused') return this.#wanted;
    if (this.#phase.name !== 'open') return 'connecting';
    const ageMs = this.ageMs(now);
    if (ageMs === null) return this.#bridgeState === shared.FEED_STATE_ENDED ? 'ended' : 'waiting';
    if (this.#bridgeState === shared.FEED_STATE_REPLAY) return 'replay';
    if (this.#over || this.#bridgeState === shared.FEED_STATE_ENDED) return 'ended';
    return now <= this.#liveUntil ? 'live' : 'stale';
  }

  #do(action: Action): void {
    this.#actions.push(action);
  }
}
