// How does the bridge's clock stand to this page's? As NTP asks it: the exchange with the least round trip wins.

/** An offset between two clocks and how far it may be off, in µs. */
export interface ClockOffset {
  /** What to add to the first clock's time to get the second's, in µs. */
  readonly offsetUs: number;
  /** The true offset lies within this many µs of `offsetUs`. */
  readonly uncertaintyUs: number;
}

/** Exchanges that are remembered: clocks drift, so an old short round trip must not win for ever. */
const REMEMBERED = 12;

/** One answered time message, in µs: sent and answered on the page's clock, received and sent on the bridge's. */
export interface Exchange {
  readonly askedUs: number;
  readonly receivedUs: number;
  readonly sentUs: number;
  readonly answeredUs: number;
}

/** The bridge's clock as seen from this page. */
export class BridgeClock {
  readonly #offsets: ClockOffset[] = [];

  /** What to add to the bridge's clock to get the page's; null before the first answer. */
  get toPage(): ClockOffset | null {
    let best: ClockOffset | null = null;
    for (const offset of this.#offsets) {
      if (best === null || offset.uncertaintyUs < best.uncertaintyUs) best = offset;
    }
    return best;
  }

  /** Takes an answer; one that contradicts itself (a clock was set meanwhile) is ignored. */
  add({ askedUs, receivedUs, sentUs, answeredUs }: Exchange): void {
    const uncertaintyUs = (answeredUs - askedUs - (sentUs - receivedUs)) / 2;
    if (uncertaintyUs < 0 || sentUs < receivedUs) return;
    const offsetUs = (askedUs - receivedUs + (answeredUs - sentUs)) / 2;
    this.#offsets.push({ offsetUs, uncertaintyUs });
    if (this.#offsets.length > REMEMBERED) this.#offsets.shift();
  }

  /** Forgets everything: another bridge may answer from now on. */
  reset(): void {
    this.#offsets.length = 0;
  }
}

/** First to second and second to third, put together; null where either is unknown. */
export function chain(first: ClockOffset | null, second: ClockOffset | null): ClockOffset | null {
  if (first === null || second === null) return null;
  return {
    offsetUs: first.offsetUs + second.offsetUs,
    uncertaintyUs: first.uncertaintyUs + second.uncertaintyUs,
  };
}

/** The page's clock in Unix µs: steady while the page lives, unlike `Date.now()`. */
export function pageTimeUs(): number {
  return Math.round((performance.timeOrigin + performance.now()) * 1000);
}
