// How long does a feed wait before it tries again?

/** The waits between attempts, in ms. */
export interface Waits {
  /** The longest wait before the first retry. */
  readonly firstMs: number;
  /** The longest wait before any. */
  readonly longestMs: number;
}

export const WAITS: Waits = { firstMs: 250, longestMs: 10_000 };

/**
 * The wait before attempt number `attempt` (0 for the first retry), in ms: doubled each time up to a limit, and
 * between half of that and all of it, so that many pages do not come back at the same moment.
 * `random` is a number from 0 to 1.
 */
export function waitMs(attempt: number, random: number, { firstMs, longestMs } = WAITS): number {
  const whole = Math.min(longestMs, firstMs * 2 ** Math.min(attempt, 16));
  return whole * (0.5 + random / 2);
}
